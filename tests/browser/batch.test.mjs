import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { SAMPLES, openPage, ready, result, saved } from './browser.mjs';
import { agreement, bodymap, native } from './label-map.mjs';
import { OPTIONS, PHOTO, withPeopleModel } from './people-model.mjs';
import { readZip } from './zip.mjs';

const ASTRONAUT = 'skimage_astronaut.png';
const BIDEN = 'facerec_biden.jpg';
const HOPPER = 'mpl_grace_hopper.jpg';

// The service worker would refuse the other model.
const WITH_PEOPLE = /** @type {const} */ ({
  alter: withPeopleModel,
  context: { serviceWorkers: 'block' },
  expected: /blocked by Playwright/,
});

/**
 * @param {import('playwright-core').Page} page
 * @param {number} count
 */
async function done(page, count) {
  await page.waitForFunction(
    (expected) => document.querySelectorAll('#batch-list :is([data-state=done], [data-state=failed])').length === expected,
    count,
  );
}

/**
 * @param {import('playwright-core').Page} page
 * @param {string} format
 */
async function downloadAll(page, format) {
  await page.selectOption('#batch-format', format);
  return saved(page, '#batch-download');
}

test('several photos: each fares on its own, a bad one does not stop the others, all are saved as one file', async (context) => {
  const { page } = await openPage(context);
  await ready(page);
  const photo = await readFile(SAMPLES + HOPPER);
  await page.setInputFiles('#file', [
    { name: 'hopper.jpg', mimeType: 'image/jpeg', buffer: photo },
    { name: 'cut.jpg', mimeType: 'image/jpeg', buffer: photo.subarray(0, photo.length / 2) },
    { name: ASTRONAUT, mimeType: 'image/png', buffer: await readFile(SAMPLES + ASTRONAUT) },
    // Its results would have the names of the first one's.
    { name: 'hopper.png', mimeType: 'image/jpeg', buffer: await readFile(SAMPLES + BIDEN) },
  ]);
  await page.locator('[data-view=batch]').waitFor();
  await done(page, 4);
  assert.equal(await page.innerText('#batch-summary'), '3 of 4 done, 1 failed');
  const names = ['hopper.jpg', 'cut.jpg', ASTRONAUT, 'hopper (2).png'];
  assert.deepEqual(await page.locator('#batch-list .name').allInnerTexts(), names);
  assert.equal(await page.locator('#batch-list [data-state=failed]').getAttribute('data-code'), 'truncated');

  const zip = await downloadAll(page, 'labelmap');
  assert.equal(zip.name, 'labelmap.zip');
  const files = readZip(zip.bytes);
  assert.deepEqual([...files.keys()], ['hopper.png', ASTRONAUT, 'hopper (2).png']);
  for (const [path, sample] of [['hopper.png', HOPPER], [ASTRONAUT, ASTRONAUT], ['hopper (2).png', BIDEN]]) {
    assert.ok(agreement(/** @type {Buffer} */ (files.get(path)), await native(sample)) >= 0.999, sample);
  }
  const coco = await downloadAll(page, 'coco');
  assert.equal(coco.name, 'coco.json');
  const { images } = JSON.parse(coco.bytes.toString());
  assert.deepEqual(images.map((/** @type {any} */ image) => image.file_name), names.toSpliced(1, 1));
  const overlays = readZip((await downloadAll(page, 'overlay')).bytes);
  assert.deepEqual([...overlays.keys()], ['hopper.overlay.png', 'skimage_astronaut.overlay.png', 'hopper (2).overlay.png']);

  // One of them is looked at, and the list is there again.
  await page.locator('#batch-list button').nth(2).click();
  await result(page);
  assert.ok(agreement((await saved(page, '#downloads [value=labelmap]')).bytes, await native(ASTRONAUT)) >= 0.999);
  await page.click('#back');
  await page.locator('[data-view=batch]').waitFor();
  assert.equal(await page.innerText('#batch-summary'), '3 of 4 done, 1 failed');
  await page.click('#batch-close');
  await page.locator('[data-view=empty]').waitFor();
});

test('a folder is parsed with all below it, and names are kept', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'bodymap-'));
  context.after(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, 'beach', 'Süd'), { recursive: true });
  for (const path of ['p.png', 'beach/Süd/p 2.png', '.hidden.png']) await cp(PHOTO, join(folder, path));
  await writeFile(join(folder, 'notes.txt'), 'not a photo');
  const { page } = await openPage(context, WITH_PEOPLE);
  await ready(page);
  await page.setInputFiles('#folder', folder);
  await done(page, 2);
  assert.equal(await page.innerText('#batch-list li:first-child .state'), '3 people, 4 classes');
  const files = readZip((await downloadAll(page, 'cvat')).bytes);
  assert.deepEqual([...files.keys()].sort(), [
    'ImageSets/Segmentation/default.txt',
    'People/beach/Süd/p 2.txt',
    'People/p.txt',
    'SegmentationClass/beach/Süd/p 2.png',
    'SegmentationClass/p.png',
    'SegmentationObject/beach/Süd/p 2.png',
    'SegmentationObject/p.png',
    'labelmap.txt',
  ]);
  assert.equal(files.get('ImageSets/Segmentation/default.txt')?.toString(), 'beach/Süd/p 2\np\n');
  // All that the command line writes of the folder.
  const out = await mkdtemp(join(tmpdir(), 'bodymap-'));
  context.after(() => rm(out, { recursive: true }));
  await bodymap('parse', join(folder, 'beach'), '--out', out, ...OPTIONS.slice(0, 2), '--formats', 'cvat');
  for (const path of ['SegmentationClass/Süd/p 2.png', 'SegmentationObject/Süd/p 2.png', 'People/Süd/p 2.txt']) {
    const [where, ...rest] = path.split('/');
    const ours = files.get([where, 'beach', ...rest].join('/'));
    assert.ok(ours?.equals(await readFile(join(out, 'cvat', path))), path);
  }

  // The same dropped.
  const session = await page.context().newCDPSession(page);
  const data = { files: [folder], items: [], dragOperationsMask: 1 };
  for (const type of /** @type {const} */ (['dragEnter', 'dragOver', 'drop'])) {
    await session.send('Input.dispatchDragEvent', { type, x: 200, y: 200, data });
  }
  await page.waitForFunction(() => document.querySelectorAll('#batch-list li').length === 2);
  await done(page, 2);
  assert.deepEqual(await page.locator('#batch-list .name').allInnerTexts(), ['beach/Süd/p 2.png', 'p.png']);
});

test('a batch can be paused and goes on where it was', async (context) => {
  const { page } = await openPage(context);
  await ready(page);
  await page.setInputFiles('#file', [HOPPER, ASTRONAUT, BIDEN].map((name) => SAMPLES + name));
  await page.locator('#batch-list li:first-child[data-state=working]').waitFor();
  await page.click('#batch-pause');
  assert.equal(await page.innerText('#batch-pause'), 'Continue');
  await page.locator('#batch-list li:first-child[data-state=done]').waitFor();
  await page.waitForTimeout(500);
  const states = () => page.locator('#batch-list li').evaluateAll((rows) => rows.map((row) => row.dataset.state));
  assert.deepEqual(await states(), ['done', 'waiting', 'waiting']);
  await page.click('#batch-pause');
  await done(page, 3);
  assert.deepEqual(await states(), ['done', 'done', 'done']);
  assert.ok(await page.locator('#batch-pause').isDisabled());
});

test('a hundred photos are parsed in the memory of ten, and all are saved', async (context) => {
  const { page } = await openPage(context, {
    ...WITH_PEOPLE,
    headers: false,
    alter: (path, body) =>
      path === 'worker/engine.js'
        ? Buffer.from(`${body}`.replace('await glue.default(', 'globalThis.wasm = await glue.default('))
        : withPeopleModel(path, body),
  });
  await ready(page);
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  const wasmBytes = () => page.workers()[0].evaluate(() => Object(globalThis).wasm.memory.buffer.byteLength);
  const heapBytes = async () => {
    await session.send('HeapProfiler.collectGarbage');
    const { metrics } = await session.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'JSHeapUsedSize')?.value ?? NaN;
  };
  const photo = await readFile(PHOTO);
  const copies = Array.from({ length: 100 }, (_, n) => ({ name: `${n}.png`, mimeType: 'image/png', buffer: photo }));
  await page.setInputFiles('#file', copies.slice(0, 10));
  await done(page, 10);
  await downloadAll(page, 'masks');
  const before = [await wasmBytes(), await heapBytes()];
  await page.setInputFiles('#file', copies);
  await page.waitForFunction(() => document.querySelectorAll('#batch-list li').length === 100);
  await done(page, 100);
  assert.equal(await wasmBytes(), before[0], 'memory of the engine');
  const files = readZip((await downloadAll(page, 'masks')).bytes);
  assert.equal([...files.keys()].filter((path) => path.endsWith('/masks.json')).length, 100);
  const after = [await wasmBytes(), await heapBytes()];
  // A zip ends with the list of its files, some 1,500 here.
  assert.ok(after[0] <= before[0] + 1e6, `memory for the zip: ${before[0]} to ${after[0]} bytes`);
  assert.ok(after[1] < before[1] + 4e6, `heap of the page: ${before[1]} to ${after[1]} bytes`);
});
