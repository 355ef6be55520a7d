import assert from 'node:assert/strict';
import { test } from 'node:test';

import { blocks, openPage, parseSample, ready } from './browser.mjs';
import { agreement, native } from './label-map.mjs';
import { HOST } from './site.mjs';

const HOPPER = 'mpl_grace_hopper.jpg';

/**
 * What a script in the page gets when it posts to the service.
 *
 * @param {import('playwright-core').Page} page
 * @typedef {{ sample?: string, text?: string, field?: string, second?: string, type?: string, raw?: boolean, query?: string }} Request
 *   `second` is another field of the form: the text `setting`, or a file; `type` is what stands for multipart/form-data
 * @param {Request} request
 */
function post(page, request) {
  return page.evaluate(async ({ sample, text, field = 'image', second, type, raw, query = '' }) => {
    const photo = sample ? await (await fetch(`samples/${sample}`)).blob() : new Blob([text ?? '']);
    const form = new FormData();
    form.append(field, photo, 'beach/hopper.jpg');
    if (second === 'setting') form.append(second, 'fine');
    else if (second) form.append(second, photo, 'other.jpg');
    const whole = new Response(form);
    const [, boundary] = String(whole.headers.get('Content-Type')).split(';');
    const headers = type ? { 'Content-Type': `${type};${boundary}` } : undefined;
    const body = raw ? photo : type ? await whole.arrayBuffer() : form;
    const response = await fetch(`parse${query}`, { method: 'POST', body, headers });
    const bytes = new Uint8Array(await response.arrayBuffer());
    const latin1 = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
    return { status: response.status, type: response.headers.get('content-type'), latin1 };
  }, request);
}

/** @param {{ latin1: string }} answer */
function json({ latin1 }) {
  return JSON.parse(Buffer.from(latin1, 'latin1').toString());
}

test('a script in the page that posts a photo gets the answer of the service, and no server sees it', async (context) => {
  // A plain static server, in a folder.
  const { page, site } = await openPage(context, { prefix: '/some/project/' });
  await page.locator('#readiness[data-i18n="ready.offline"]').waitFor();
  const answer = await post(page, { sample: HOPPER });
  assert.deepEqual([answer.status, answer.type], [200, 'application/json']);
  const found = json(answer);
  const expected = JSON.parse((await native(HOPPER, '.json')).toString());
  assert.deepEqual(Object.keys(found), Object.keys(expected));
  assert.deepEqual([found.width, found.height, found.model], [expected.width, expected.height, expected.model]);
  const shape = (/** @type {any} */ { label, class_id, person, mask }) => [label, class_id, person, typeof mask];
  assert.deepEqual(found.masks.map(shape), expected.masks.map(shape));

  const raw = await post(page, { sample: HOPPER, raw: true });
  assert.deepEqual(json(raw), found);
  for (const type of ['Multipart/Form-Data', 'multipart/form-data ']) {
    assert.deepEqual(json(await post(page, { sample: HOPPER, type })), found);
  }
  const coco = json(await post(page, { sample: HOPPER, query: '?format=coco' }));
  assert.equal(coco.images[0].file_name, 'hopper.jpg');
  const labelmap = await post(page, { sample: HOPPER, query: '?format=labelmap&setting=fast' });
  assert.equal(labelmap.type, 'image/png');
  assert.ok(agreement(Buffer.from(labelmap.latin1, 'latin1'), await native(HOPPER)) >= 0.999);
  assert.ok(site.requests.every((path) => !path.endsWith('/parse')), 'a photo went to the server');
});

test('the example of docs/formats.md', async (context) => {
  const { page } = await openPage(context);
  await page.locator('#readiness[data-i18n="ready.offline"]').waitFor();
  const [example] = blocks('docs/formats.md', 'js');
  const code = `const photo = await (await fetch('samples/${HOPPER}')).blob(); ${example}; return masks.length;`;
  assert.ok(Number(await page.evaluate(`(async () => { ${code} })()`)) > 0);
});

test('what is wrong has the status and the code of the service', async (context) => {
  const { page } = await openPage(context, { expected: /status of 4\d\d/ });
  await page.locator('#readiness[data-i18n="ready.offline"]').waitFor();
  for (const [request, status, code] of /** @type {const} */ ([
    [{ text: 'no photo' }, 415, 'unsupported-format'],
    [{ text: '' }, 422, 'empty-file'],
    [{ text: 'x', field: 'photo' }, 422, 'no-photo'],
    [{ text: 'x', second: 'image' }, 422, 'several-photos'],
    [{ text: 'x', second: 'photo' }, 422, 'several-photos'],
    [{ text: 'x', second: 'setting' }, 400, 'bad-option'],
    [{ text: 'x', type: 'multipart/mixed' }, 415, 'unsupported-format'],
    [{ sample: HOPPER, query: '?setting=best' }, 400, 'bad-option'],
    [{ sample: HOPPER, query: '?colour=red' }, 400, 'bad-option'],
    [{ sample: HOPPER, query: '?setting=fast&setting=fine' }, 400, 'bad-option'],
    [{ sample: HOPPER, query: '?format=xml' }, 400, 'bad-option'],
  ])) {
    const answer = await post(page, request);
    assert.deepEqual([answer.status, json(answer).error.code], [status, code]);
  }
});

test('another page of the site is answered by the open one, and told when there is none', async (context) => {
  const { page, context: profile, site } = await openPage(context, { expected: /status of 503/ });
  await page.locator('#readiness[data-i18n="ready.offline"]').waitFor();
  const other = await profile.newPage();
  await other.goto(site.url + HOST);
  assert.equal((await post(other, { sample: HOPPER })).status, 200);
  const many = await Promise.all(Array.from({ length: 7 }, () => post(other, { sample: HOPPER })));
  assert.deepEqual(many.map(({ status }) => status).sort(), [200, 200, 200, 200, 200, 503, 503]);
  await page.close();
  const answer = await post(other, { sample: HOPPER });
  assert.deepEqual([answer.status, json(answer).error.code], [503, 'no-page']);
  assert.ok(!site.requests.includes('/parse'));
});

test('the reader goes on undisturbed while a script has photos parsed', async (context) => {
  const { page } = await openPage(context);
  await ready(page);
  await parseSample(page, HOPPER);
  const [answer] = await Promise.all([
    post(page, { sample: 'skimage_astronaut.png' }),
    page.locator('#legend [type=checkbox]').first().uncheck(),
  ]);
  assert.equal(json(answer).width, 512);
  assert.equal(await page.getAttribute('html', 'data-view'), 'result');
});
