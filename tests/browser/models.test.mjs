import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { SAMPLES, download, openPage, parseSample, ready, result } from './browser.mjs';
import { agreement, native } from './label-map.mjs';
import { CHECKPOINT, TEMPLATES, imported, split } from './m2fp-model.mjs';
import { HOST } from './site.mjs';
import { readZip, writeZip } from './zip.mjs';

/** @typedef {import('playwright-core').Page} Page */

const HOPPER = 'mpl_grace_hopper.jpg';
/** The service worker would refuse the tiny networks in the place of the full ones. */
const TINY = { files: TEMPLATES, context: { serviceWorkers: /** @type {const} */ ('block') }, expected: /blocked by Playwright/ };

const checkpoint = await readFile(CHECKPOINT);

/**
 * Drops files onto the page.
 *
 * @param {Page} page
 * @param {string} name
 * @param {Buffer} bytes
 */
function drop(page, name, bytes) {
  return page.evaluate(
    ([path, latin1]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([Uint8Array.from(latin1, (c) => c.charCodeAt(0))], path));
      document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true }));
    },
    [name, bytes.toString('latin1')],
  );
}

/**
 * What is kept on this device: `file name: bytes` of each model.
 *
 * @param {Page} page
 * @returns {Promise<{ [name: string]: string }[]>} bytes as Latin-1
 */
function kept(page) {
  return page.evaluate(async () => {
    const models = await (await navigator.storage.getDirectory()).getDirectoryHandle('bodymap models', { create: true });
    const found = [];
    for await (const folder of models.values()) {
      /** @type {{ [name: string]: string }} */
      const files = {};
      for await (const handle of /** @type {FileSystemDirectoryHandle} */ (folder).values()) {
        const file = await /** @type {FileSystemFileHandle} */ (handle).getFile();
        const bytes = new Uint8Array(await file.arrayBuffer());
        files[handle.name] = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
      }
      found.push(files);
    }
    return found;
  });
}

/**
 * The model that is in use.
 *
 * @param {Page} page
 */
function inUse(page) {
  return page.locator('#model-list li:has(:checked) strong').innerText();
}

/**
 * Accepts the licence that is shown, and imports.
 *
 * @param {Page} page
 * @param {'f16' | 'i8'} precision
 */
async function accept(page, precision) {
  assert.equal(await page.innerText('#import-licence'), 'CC-BY-NC-4.0');
  assert.ok(await page.isDisabled('#import-start'), 'the licence is not accepted yet');
  await page.locator(`#import-precision [value=${precision}]`).check();
  await page.check('#import-accept');
  await page.click('#import-start');
  await page.locator('.notice.hint [data-i18n="import.done"]').waitFor();
}

/**
 * @param {Page} page
 * @param {string} code
 */
async function saysError(page, code) {
  await page.locator(`.notice.error[data-code="${code}"]`).waitFor({ timeout: 10_000 });
  assert.equal(await page.locator('.notice').count(), 1);
  const key = await page.locator('.notice .message').getAttribute('data-i18n');
  assert.equal(key, `error.${code}`);
}

test('a dropped checkpoint becomes the model that the command line makes of it', async (context) => {
  const { page, site } = await openPage(context, TINY);
  await ready(page);
  assert.equal(await inUse(page), 'Built-in model');
  await drop(page, 'pytorch_model.pt', checkpoint);
  await page.locator('#import[open]').waitFor();
  assert.match(await page.innerText('#import-ignored-list'), /num_batches_tracked/);
  const requests = site.requests.length;
  await accept(page, 'f16');
  await page.locator('#import').waitFor({ state: 'hidden' });
  assert.deepEqual(site.requests.slice(requests).filter((path) => !/models\/m2fp|pkg\//.test(path) && !/\.js$/.test(path)), []);

  const folder = await imported('f16');
  const card = await readFile(join(folder, 'card.json'), 'latin1');
  const model = await readFile(join(folder, 'tiny-multi-f16.onnx'), 'latin1');
  const [files, ...others] = await kept(page);
  assert.deepEqual(others, []);
  assert.equal(files['card.json'], card);
  assert.ok(files['model.onnx'] === model, 'the model file differs');

  assert.equal(await inUse(page), JSON.parse(card).title);
  await parseSample(page, HOPPER);
  assert.equal(await page.innerText('#model-title'), JSON.parse(card).title);
  assert.equal(await page.innerText('#model-licence'), 'CC-BY-NC-4.0');
  const expected = await native(HOPPER, '.png', ['--model', join(folder, 'card.json')]);
  const same = agreement((await download(page, 'labelmap')).bytes, expected);
  assert.ok(same >= 0.99, `${same}`);

  // It is kept once, and chosen in the next visit.
  await drop(page, 'again.pt', checkpoint);
  await page.locator('#import[open]').waitFor();
  await accept(page, 'f16');
  assert.equal((await kept(page)).length, 1);
  await page.reload();
  await ready(page);
  assert.equal(await inUse(page), JSON.parse(card).title);

  await page.locator('#model-list [value=default]').check();
  await parseSample(page, HOPPER);
  assert.ok(agreement((await download(page, 'labelmap')).bytes, await native(HOPPER)) >= 0.999);
  await page.locator('#model-list button').click();
  await page.locator('#model-list button').waitFor({ state: 'detached' });
  assert.deepEqual(await kept(page), []);
});

test('a photo that is shown is parsed once more by the model that is chosen', async (context) => {
  const { page } = await openPage(context, TINY);
  await ready(page);
  await parseSample(page, HOPPER);
  await page.setInputFiles('#model-file', CHECKPOINT);
  await page.locator('#import[open]').waitFor();
  await accept(page, 'i8');
  await result(page);
  const folder = await imported('i8');
  const card = JSON.parse(await readFile(join(folder, 'card.json'), 'utf8'));
  assert.equal(await page.innerText('#model-title'), card.title);
  assert.ok((await kept(page))[0]['model.onnx'] === (await readFile(join(folder, card.files[0].path), 'latin1')));
  assert.deepEqual(await page.locator('#settings label').allInnerTexts(), ['Fast', 'Fine', 'Small'].slice(0, card.settings.length));
  await page.locator('#model-list [value=default]').check();
  await page.locator('[data-view=busy]').waitFor();
  await result(page);
  assert.notEqual(await page.innerText('#model-title'), card.title);
});

/** The checkpoint with another index. */
const files = readZip(checkpoint);
const [indexPath, index] = /** @type {[string, Buffer]} */ ([...files].find(([path]) => path.endsWith('/data.pkl')));
const wrongKey = Buffer.from(index.toString('latin1').replaceAll('predictor.class_embed.bias', 'predictor.class_embed.bits'), 'latin1');
const flipped = Buffer.from(checkpoint);
flipped[checkpoint.length >> 1] ^= 4;

/** @type {[what: string, code: string, bytes: Buffer, late?: boolean][]} */
const BAD = [
  ['a checkpoint cut off', 'truncated-checkpoint', checkpoint.subarray(0, checkpoint.length / 2)],
  ['a checkpoint with a flipped bit', 'corrupt-checkpoint', flipped, true],
  ['a checkpoint of another network', 'missing-weights', writeZip(new Map([...files, [indexPath, wrongKey]]))],
  ['a pickle bomb', 'checkpoint-too-complex', writeZip(new Map([...files, [indexPath, Buffer.alloc(2 << 20, ']')]]))],
  ['a text', 'unsupported-checkpoint', Buffer.from('This is not a checkpoint.')],
  ['an empty file', 'empty-file', Buffer.alloc(0)],
];

for (const [what, code, bytes, late] of BAD) {
  test(`${what} is refused as ${code}, and the default model works on`, async (context) => {
    const { page } = await openPage(context, TINY);
    await ready(page);
    await drop(page, 'pytorch_model.pt', bytes);
    if (late) {
      await page.check('#import-accept');
      await page.click('#import-start');
    }
    await saysError(page, code);
    assert.equal(await page.locator('#import').isVisible(), false);
    assert.deepEqual(await kept(page), []);
    assert.equal(await inUse(page), 'Built-in model');
    await parseSample(page, HOPPER);
  });
}

test('a kept model that was changed is refused as wrong-hash, and the default model works on', async (context) => {
  const { page } = await openPage(context, TINY);
  await ready(page);
  await drop(page, 'pytorch_model.pt', checkpoint);
  await page.locator('#import[open]').waitFor();
  await accept(page, 'f16');
  await ready(page);
  await page.evaluate(async () => {
    const models = await (await navigator.storage.getDirectory()).getDirectoryHandle('bodymap models');
    for await (const folder of models.values()) {
      const handle = await /** @type {FileSystemDirectoryHandle} */ (folder).getFileHandle('model.onnx');
      const writable = await handle.createWritable({ keepExistingData: true });
      await writable.write({ type: 'write', position: 5000, data: new Uint8Array(8) });
      await writable.close();
    }
  });
  await page.reload();
  await saysError(page, 'wrong-hash');
  assert.equal(await inUse(page), 'Built-in model');
  await parseSample(page, HOPPER);
  assert.ok(agreement((await download(page, 'labelmap')).bytes, await native(HOPPER)) >= 0.999);
});

test('an import that is cancelled leaves nothing behind', async (context) => {
  const { page } = await openPage(context, TINY);
  await ready(page);
  await drop(page, 'pytorch_model.pt', checkpoint);
  await page.locator('#import[open]').waitFor();
  await page.click('#import-cancel');
  await page.locator('#import').waitFor({ state: 'hidden' });
  const outcome = await page.evaluate(async (latin1) => {
    const { BodyMap } = await import(/** @type {any} */ ('/bodymap.js'));
    const bodymap = await BodyMap.load();
    const file = new Blob([Uint8Array.from(latin1, (/** @type {string} */ c) => c.charCodeAt(0))]);
    const failure = (/** @type {Promise<unknown>} */ promise) => promise.then(() => 'none', ({ code, name }) => (typeof code === 'string' ? code : name));
    const aborter = new AbortController();
    const options = { licence: 'CC-BY-NC-4.0', signal: aborter.signal, onProgress: () => aborter.abort() };
    const codes = [
      await failure(bodymap.importCheckpoint(file, options)),
      await failure(bodymap.importCheckpoint(file, { licence: 'MIT' })),
      await failure(bodymap.importCheckpoint(file, { licence: 'CC-BY-NC-4.0', precision: 'f8' })),
      await failure(BodyMap.load({ model: { stored: 'none' } })),
    ];
    return { codes, left: await BodyMap.storedModels(), memory: bodymap.memory > 1e6 };
  }, checkpoint.toString('latin1'));
  assert.deepEqual(outcome, { codes: ['AbortError', 'licence-not-accepted', 'bad-option', 'no-such-model'], left: [], memory: true });
  assert.deepEqual(await kept(page), []);
  await parseSample(page, HOPPER);
});

test('where storage is full the smaller size is offered, and nothing is left behind', async (context) => {
  const { page, context: browser, site } = await openPage(context, TINY);
  await ready(page);
  const { origin } = new URL(site.url);
  const storage = await browser.newCDPSession(page);
  /** @param {number} bytes that there is room for */
  const leave = async (bytes) => {
    const { usage } = await storage.send('Storage.getUsageAndQuota', { origin });
    await storage.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: usage + bytes });
  };
  await drop(page, 'pytorch_model.pt', checkpoint);
  await page.locator('#import[open]').waitFor();
  assert.ok(await page.locator('#import-tight').isHidden());
  await page.check('#import-accept');
  await leave(50_000);
  await page.click('#import-start');
  await page.locator('#import-tight').waitFor();
  assert.ok(await page.isChecked('#import-precision [value=i8]'));
  assert.deepEqual(await kept(page), []);

  await page.click('#import-start');
  await saysError(page, 'storage-full');
  assert.deepEqual(await kept(page), []);
  await parseSample(page, HOPPER);

  await storage.send('Storage.overrideQuotaForOrigin', { origin });
  await drop(page, 'pytorch_model.pt', checkpoint);
  await page.locator('#import[open]').waitFor();
  await accept(page, 'f16');
});

test('a card and its files, chosen one by one or as a folder, are a model for this visit', async (context) => {
  const { page } = await openPage(context, TINY);
  await ready(page);
  const folder = await split(50_000);
  const paths = (await readdir(folder)).map((name) => join(folder, name));
  const card = JSON.parse(await readFile(join(folder, 'card.json'), 'utf8'));
  await page.setInputFiles('#model-file', paths.slice(0, -1));
  await saysError(page, 'model-files-missing');
  await page.setInputFiles('#model-file', [join(folder, card.files[0].path)]);
  await page.locator('.notice.error [data-i18n="models.none"]').waitFor();

  const expected = await native(HOPPER, '.png', ['--model', join(folder, 'card.json')]);
  await page.setInputFiles('#model-file', paths.toReversed());
  await parseSample(page, HOPPER);
  assert.equal(await inUse(page), card.title);
  assert.ok(agreement((await download(page, 'labelmap')).bytes, expected) >= 0.99);

  await page.reload();
  await ready(page);
  assert.equal(await inUse(page), 'Built-in model');
  await page.setInputFiles('#folder', folder);
  await page.locator('#model-list li:nth-child(2) :checked').waitFor();
  await parseSample(page, HOPPER);
  assert.equal(await page.innerText('#model-title'), card.title);
});

/** A site with a model in parts of 50 kB. */
async function withParts() {
  const folder = await split(50_000);
  const card = JSON.parse(await readFile(join(folder, 'card.json'), 'utf8'));
  const served = new Map();
  for (const name of await readdir(folder)) served.set(`models/tiny/${name}`, await readFile(join(folder, name)));
  return { folder, card, files: served };
}

/** @param {{ requests: string[] }} site */
function partsOf({ requests }) {
  return requests.filter((path) => path.endsWith('.onnx') && path.includes('/tiny/')).map((path) => Number(path.split('.').at(-2)));
}

test('a model in parts is downloaded once, and goes on after a break or a wrong part', async (context) => {
  const { folder, card, files: served } = await withParts();
  let bad = 3;
  let answer = /** @type {(body: Buffer) => Buffer | null} */ (() => null);
  const { page, site } = await openPage(context, {
    path: HOST,
    context: { serviceWorkers: 'block' },
    files: served,
    expected: /404/,
    alter: (path, body) => (path.endsWith(`.${`${bad}`.padStart(3, '0')}.onnx`) ? answer(body) : body),
  });
  const load = () =>
    page.evaluate(async () => {
      const { BodyMap } = await import(/** @type {any} */ ('/bodymap.js'));
      /** @type {number[]} */
      const fractions = [];
      const onProgress = (/** @type {any} */ { stage, fraction }) => void (stage === 'model' && fractions.push(fraction));
      try {
        const bodymap = await BodyMap.load({ modelUrl: '/models/tiny/card.json', onProgress });
        const parsing = await bodymap.parse(await (await fetch('/samples/mpl_grace_hopper.jpg')).blob());
        const bytes = new Uint8Array(await (await parsing.export('labelmap')).arrayBuffer());
        return { fractions, code: '', map: Array.from(bytes, (byte) => String.fromCharCode(byte)).join('') };
      } catch (error) {
        return { fractions, code: /** @type {any} */ (error).code, map: '' };
      }
    });
  const count = card.files.length;
  const all = Array.from({ length: count }, (_, i) => i + 1);
  const size = card.files.reduce((/** @type {number} */ sum, /** @type {{ bytes: number }} */ { bytes }) => sum + bytes, 0);

  // The third part is missing.
  const broken = await load();
  assert.equal(broken.code, 'download-failed');
  assert.deepEqual(partsOf(site), [1, 2, 3]);
  assert.ok(Math.abs((broken.fractions.at(-1) ?? 0) - 100_000 / size) < 1e-9, 'progress is that of the bytes');
  // Then it is a wrong one.
  site.requests.length = 0;
  answer = (body) => Buffer.alloc(body.length, 7);
  assert.equal((await load()).code, 'wrong-hash');
  assert.deepEqual(partsOf(site), [3]);
  // Then all is well: what is there is not fetched again.
  site.requests.length = 0;
  bad = 0;
  const whole = await load();
  assert.equal(whole.code, '');
  assert.deepEqual(partsOf(site), all.slice(2));
  assert.deepEqual(whole.fractions, whole.fractions.toSorted((a, b) => a - b));
  assert.deepEqual([whole.fractions[0], whole.fractions.at(-1)], [0, 1]);
  const expected = await native(HOPPER, '.png', ['--model', join(folder, 'card.json')]);
  assert.ok(agreement(Buffer.from(whole.map, 'latin1'), expected) >= 0.99);
  // A part that was changed where it is kept is fetched again.
  site.requests.length = 0;
  await page.evaluate(async () => {
    const cache = await caches.open('bodymap models 1');
    const [, second] = await cache.keys();
    const body = new Uint8Array(await (await cache.match(second))?.arrayBuffer() ?? []);
    body[9] ^= 1;
    await cache.put(second, new Response(body));
  });
  assert.equal((await load()).code, '');
  assert.deepEqual(partsOf(site), [2]);
});

test('a model of the site is chosen by the address; its download can be cancelled', async (context) => {
  const { card, files: served } = await withParts();
  /** @type {(() => void)[]} */
  const released = [];
  const { page, site, context: browser } = await openPage(context, { context: { serviceWorkers: 'block' }, expected: /blocked by Playwright/, files: served });
  await ready(page);
  await browser.route('**/models/tiny/*.004.onnx', async (route) => {
    await new Promise((resolve) => released.push(() => resolve(null)));
    await route.continue().catch(() => {});
  });
  await page.goto(`${site.url}?model=tiny`);
  await page.locator('#model-progress').waitFor();
  await page.waitForFunction((share) => /** @type {HTMLProgressElement} */ (document.getElementById('model-bar')).value > share, 0.1);
  await page.click('#model-cancel');
  await page.locator('#model-progress').waitFor({ state: 'hidden' });
  await ready(page);
  assert.equal(await inUse(page), 'Built-in model');
  await parseSample(page, HOPPER);

  await browser.unroute('**/models/tiny/*.004.onnx');
  for (const release of released) release();
  site.requests.length = 0;
  await page.locator('#model-list [value=tiny]').check();
  await result(page);
  await page.waitForFunction((title) => document.getElementById('model-title')?.textContent === title, card.title);
  assert.equal(partsOf(site)[0], 4);
  await page.setInputFiles('#file', SAMPLES + HOPPER);
  await result(page);
});
