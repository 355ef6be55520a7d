import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { SAMPLES, openPage } from './browser.mjs';
import { exif, quarters, webpWith } from './turned.mjs';

const HOPPER = 'mpl_grace_hopper.jpg';

/** @typedef {import('../../www/body-map.d.ts').BodyMapElement} BodyMapElement */

/**
 * A page that holds the element, under the site's strict CSP.
 *
 * @param {import('node:test').TestContext} context
 * @param {string} markup
 * @param {Parameters<typeof openPage>[1]} [options]
 */
async function openElement(context, markup, options) {
  const html = `<!doctype html><title>element</title><link rel="icon" href="data:,">
    <script type="module" src="body-map.js"></script>${markup}`;
  const profile = { serviceWorkers: /** @type {const} */ ('block') };
  return openPage(context, { path: 'element.html', pages: { 'element.html': html }, context: profile, ...options });
}

/**
 * @param {import('playwright-core').Page} page
 * @param {string} state
 */
async function reaches(page, state) {
  await page.locator(`body-map:state(${state})`).first().waitFor();
}

/**
 * How many pixels of the first element's colormap have a colour.
 *
 * @param {import('playwright-core').Page} page
 */
function coloured(page) {
  return page.locator('body-map [part=colormap]').first().evaluate((canvas) => {
    const { width, height } = /** @type {HTMLCanvasElement} */ (canvas);
    const copy = new OffscreenCanvas(width, height);
    const context2d = /** @type {OffscreenCanvasRenderingContext2D} */ (copy.getContext('2d'));
    context2d.drawImage(/** @type {HTMLCanvasElement} */ (canvas), 0, 0);
    return context2d.getImageData(0, 0, width, height).data.filter((_, i) => i % 4 === 3).filter(Boolean).length;
  });
}

test('an element in the markup shows the photo under its classes', async (context) => {
  const { page } = await openElement(context, `<body-map src="samples/${HOPPER}" alt="Admiral" max-side="300"></body-map>`);
  await reaches(page, 'done');
  const found = await page.locator('body-map').evaluate((element) => {
    const { parsing, state, bodymap } = /** @type {BodyMapElement} */ (element);
    const { width, height } = element.getBoundingClientRect();
    return [parsing?.width, parsing?.height, state, bodymap?.classes.length, Math.round((100 * height) / width)];
  });
  assert.deepEqual(found, [256, 300, 'done', 20, 117]);
  assert.ok((await coloured(page)) > 256 * 300 * 0.2);
  assert.equal(await page.getByRole('img', { name: 'Admiral' }).count(), 1);
});

test('attributes choose what is painted, and mistakes are told and can be mended', async (context) => {
  const { page } = await openElement(context, `<body-map src="samples/${HOPPER}" max-side="300"></body-map>`);
  await reaches(page, 'done');
  const all = await coloured(page);
  const set = (/** @type {string} */ name, /** @type {string} */ value) =>
    page.locator('body-map').evaluate(
      (element, [attribute, text]) =>
        new Promise((resolve) => {
          element.addEventListener('error', (event) => resolve(/** @type {any} */ (event).detail.code), { once: true });
          element.setAttribute(attribute, text);
          setTimeout(() => resolve('painted'), 1000);
        }),
      [name, value],
    );
  assert.equal(await set('classes', 'Face, 1'), 'painted');
  const some = await coloured(page);
  assert.ok(some > 0 && some < all / 2, `${some} of ${all}`);
  assert.equal(await set('classes', 'Beard'), 'bad-option');
  await reaches(page, 'error');
  assert.equal(await page.getByRole('alert').innerText(), 'the model has no class Beard');
  assert.equal(await set('classes', 'Face'), 'painted');
  await reaches(page, 'done');
  const face = await coloured(page);
  assert.ok(face > 0 && face < some);
  assert.equal(await set('person', '7'), 'painted');
  assert.equal(await coloured(page), 0);
});

test('a new photo stops the old one; files go in; events tell', async (context) => {
  const { page } = await openElement(context, `<body-map max-side="300"></body-map><input type="file">`, { expected: /404/ });
  await page.setInputFiles('input', SAMPLES + HOPPER);
  const told = await page.evaluate(async () => {
    const element = /** @type {BodyMapElement} */ (document.querySelector('body-map'));
    const input = /** @type {HTMLInputElement} */ (document.querySelector('input'));
    /** @type {string[]} */
    const events = [];
    const note = (/** @type {string} */ what) => void (events.at(-1) !== what && events.push(what));
    element.addEventListener('progress', ({ detail }) => note(detail.stage));
    element.addEventListener('error', ({ detail }) => note(detail.code));
    const loaded = () => new Promise((resolve) => element.addEventListener('load', resolve, { once: true }));
    const empty = element.state;
    element.src = 'samples/skimage_astronaut.png';
    await new Promise((resolve) => setTimeout(resolve, 30));
    element.src = 'samples/missing.png';
    await new Promise((resolve) => element.addEventListener('error', resolve, { once: true }));
    element.file = input.files?.[0] ?? null;
    await loaded();
    note('load');
    const { parsing } = element;
    return [empty, events, parsing?.width, (await parsing?.export('coco'))?.name];
  });
  const [empty, events, width, name] = /** @type {[string, string[], number, string]} */ (told);
  assert.deepEqual([empty, width, name], ['empty', 256, 'mpl_grace_hopper.coco.json']);
  assert.deepEqual(events.slice(events.indexOf('download-failed')), [
    'download-failed', 'wasm', 'model', 'decode', 'inference', 'finish', 'load',
  ]);
});

for (const src of ['100%.jpg', 'caf%E9.jpg', 'caf%C3%A9.jpg', '%2e%2e%2fp.jpg']) {
  test(`a photo at the address ${src} is parsed`, async (context) => {
    const photo = await readFile(SAMPLES + HOPPER);
    const { page } = await openElement(context, `<body-map src="${src}" max-side="200"></body-map>`, {
      files: new Map([[src, photo]]),
    });
    await page.locator('body-map:state(done), body-map:state(error)').waitFor();
    const [state, name] = await page.locator('body-map').evaluate(async (element) => {
      const { parsing, state: reached } = /** @type {BodyMapElement} */ (element);
      return [reached, (await parsing?.export('labelmap'))?.name];
    });
    const names = new Map([['100%.jpg', '100%.png'], ['caf%E9.jpg', 'caf%E9.png'], ['caf%C3%A9.jpg', 'café.png'], ['%2e%2e%2fp.jpg', '.._p.png']]);
    assert.deepEqual([state, name], ['done', names.get(src)]);
  });
}

test('a photo in the address itself has no name, and what is no address is told', async (context) => {
  const base64 = (await readFile(`${SAMPLES}skimage_camera.thumb.jpg`)).toString('base64');
  const { page } = await openElement(context, `<body-map src="data:image/jpeg;base64,${base64}"></body-map>`, {
    more: { 'content-security-policy': "default-src 'self' 'wasm-unsafe-eval' data: blob:" },
  });
  await reaches(page, 'done');
  const outcome = await page.locator('body-map').evaluate(async (element) => {
    const map = /** @type {BodyMapElement} */ (element);
    const { name } = (await map.parsing?.export('labelmap')) ?? {};
    map.src = 'http://';
    const code = await new Promise((resolve) => map.addEventListener('error', ({ detail }) => resolve(detail.code), { once: true }));
    return [name, code];
  });
  assert.deepEqual(outcome, ['photo.png', 'bad-option']);
});

test('what is shown is what was parsed: a WebP that is turned, and none that is too large', async (context) => {
  const { page } = await openElement(context, `<body-map></body-map><input type="file">`);
  const webp = await quarters(page, 'image/webp', 96, 64);
  const huge = await readFile(new URL('./pictures/huge.avif', import.meta.url));
  const give = (/** @type {string} */ name, /** @type {Buffer} */ buffer) =>
    page.setInputFiles('input', { name, mimeType: `image/${name.split('.').pop()}`, buffer }).then(() =>
      page.evaluate(async () => {
        const element = /** @type {BodyMapElement} */ (document.querySelector('body-map'));
        element.file = /** @type {HTMLInputElement} */ (document.querySelector('input')).files?.[0] ?? null;
        const outcome = await new Promise((resolve) => {
          element.addEventListener('load', () => resolve('done'), { once: true });
          element.addEventListener('error', ({ detail }) => resolve(detail.code), { once: true });
        });
        const parts = [...(element.shadowRoot?.querySelectorAll('[part=photo]') ?? [])];
        const seen = parts.filter((part) => part.checkVisibility()).map((part) => {
          const { width, height } = part.getBoundingClientRect();
          return `${part.localName} ${width > height ? 'wide' : 'tall'}`;
        });
        return [outcome, ...seen];
      }),
    );
  assert.deepEqual(await give('turned.webp', webpWith(webp, exif(6))), ['done', 'canvas tall']);
  assert.deepEqual(await give('upright.webp', webp), ['done', 'canvas wide']);
  assert.deepEqual(await give('huge.avif', huge), ['photo-too-large']);
});

test('elements share a worker, which ends some time after the last of them', async (context) => {
  const many = `<body-map src="samples/${HOPPER}" max-side="200"></body-map>`.repeat(3);
  const { page } = await openElement(context, many);
  await page.waitForFunction(() => document.querySelectorAll('body-map:state(done)').length === 3);
  const main = () => page.workers().filter((worker) => worker.url().endsWith('/worker.js')).length;
  assert.equal(main(), 1);
  // Moved, it stays as it is; put away for good, it ends.
  await page.evaluate(() => {
    const [first, ...others] = document.querySelectorAll('body-map');
    document.body.append(first);
    others.forEach((element) => element.remove());
  });
  assert.equal(await page.evaluate(() => document.querySelectorAll('body-map:state(done)').length), 1);
  const ended = Promise.all(page.workers().map((worker) => new Promise((resolve) => worker.on('close', resolve))));
  await page.locator('body-map').evaluate((element) => element.remove());
  await ended;
  await page.waitForFunction(() => document.querySelector('body-map') === null);
  assert.equal(main(), 0);
});

test('where the element is not defined the page shows its own content', async (context) => {
  const { page } = await openElement(context, `<body-map src="x"><p>Only a photo</p></body-map>`, {
    alter: (path, body) => (path === 'body-map.js' ? null : body),
    expected: /404/,
  });
  assert.ok(await page.getByText('Only a photo').isVisible());
});

test('the demo page', async (context) => {
  const { page } = await openPage(context, { path: 'demo/element.html', context: { serviceWorkers: 'block' } });
  await reaches(page, 'done');
  await page.selectOption('[name=src]', { label: 'Admiral' });
  await page.getByText(/^Found: .*Face/).waitFor();
  const all = await coloured(page);
  await page.selectOption('[name=classes]', 'Face');
  await page.locator('#markup', { hasText: 'classes="Face"' }).waitFor();
  await page.waitForFunction(() => document.querySelector('body-map:state(done)'));
  await page.setInputFiles('[name=file]', `${SAMPLES}skimage_astronaut.png`);
  await page.locator('body-map:state(loading)').waitFor();
  await reaches(page, 'done');
  assert.ok((await coloured(page)) < all);
});
