import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { SAMPLES, download, openPage, parseSample, ready, result } from './browser.mjs';
import { agreement, native, samples as photos } from './label-map.mjs';

const ASTRONAUT = 'skimage_astronaut.png';
const HOPPER = 'mpl_grace_hopper.jpg';

/**
 * The result shown is that of the sample.
 *
 * @param {import('playwright-core').Page} page
 * @param {string} sample
 */
async function shows(page, sample) {
  const { bytes } = await download(page, 'labelmap');
  assert.ok(agreement(bytes, await native(sample)) >= 0.999);
}

/**
 * Drops files, as the system's file manager does.
 *
 * @param {import('playwright-core').Page} page
 * @param {{ files?: string[], items?: { mimeType: string, data: string }[] }} dropped
 */
async function drop(page, { files = [], items = [] }) {
  const session = await page.context().newCDPSession(page);
  const data = { files, items, dragOperationsMask: 1 };
  for (const type of /** @type {const} */ (['dragEnter', 'dragOver', 'drop'])) {
    await session.send('Input.dispatchDragEvent', { type, x: 200, y: 200, data });
  }
}

test('a chosen photo', async (context) => {
  const { page } = await openPage(context);
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.click('#drop')]);
  await chooser.setFiles(SAMPLES + HOPPER);
  await result(page);
  await shows(page, HOPPER);
});

test('a dropped photo, and another one that replaces it', async (context) => {
  const { page } = await openPage(context);
  await ready(page);
  await drop(page, { files: [SAMPLES + ASTRONAUT] });
  await result(page);
  await shows(page, ASTRONAUT);
  await drop(page, { files: [SAMPLES + HOPPER] });
  await page.locator('[data-view=busy]').waitFor();
  await result(page);
  await shows(page, HOPPER);
});

test('a dropped text is no photo, and the page says so', async (context) => {
  const { page } = await openPage(context);
  await drop(page, { items: [{ mimeType: 'text/plain', data: 'not a photo' }] });
  await page.locator('.notice [data-i18n="intake.no-file"]').waitFor();
  assert.equal(await page.getAttribute('html', 'data-view'), 'empty');
});

test('a pasted photo', async (context) => {
  const { page } = await openPage(context, { context: { permissions: ['clipboard-read', 'clipboard-write'] } });
  const base64 = (await readFile(SAMPLES + ASTRONAUT)).toString('base64');
  await page.evaluate(async (encoded) => {
    const bytes = Uint8Array.from(atob(encoded), (char) => char.charCodeAt(0));
    await navigator.clipboard.write([new ClipboardItem({ 'image/png': new Blob([bytes], { type: 'image/png' }) })]);
  }, base64);
  await page.keyboard.press('ControlOrMeta+V');
  await result(page);
  await shows(page, ASTRONAUT);
});

test('each sample photo is shown with its credit and parsed with one click', async (context) => {
  const { page } = await openPage(context);
  await ready(page);
  const samples = page.locator('#samples li');
  assert.equal(await samples.count(), 5);
  for (let i = 0; i < 5; i++) {
    const sample = samples.nth(i);
    assert.match(await sample.locator('small').innerText(), /\u00a0· (public domain|CC)/);
    await sample.locator('button').click();
    await page.locator('[data-view=busy]').waitFor();
    await result(page);
    const source = (await sample.locator('img').getAttribute('src')) ?? '';
    const { name, bytes } = await download(page, 'labelmap');
    assert.ok(source.endsWith(name.replace(/png$/, 'thumb.jpg')), `${name} from ${source}`);
    const file = photos.find((photo) => photo.replace(/\w+$/, 'png') === name) ?? '';
    assert.ok(agreement(bytes, await native(file)) >= 0.999, file);
  }
});

test('a format of the browser alone goes through the browser', async (context) => {
  const { page } = await openPage(context);
  await ready(page);
  // A BMP of 64 x 48 grey pixels.
  const [width, height] = [64, 48];
  const bmp = Buffer.alloc(54 + 3 * width * height, 0x80);
  bmp.write('BM');
  for (const [at, value] of [[2, bmp.length], [6, 0], [10, 54], [14, 40], [18, width], [22, height], [30, 0]]) {
    bmp.writeUInt32LE(value, at);
  }
  bmp.writeUInt16LE(1, 26);
  bmp.writeUInt16LE(24, 28);
  await page.setInputFiles('#file', { name: 'grey.bmp', mimeType: 'image/bmp', buffer: bmp });
  await result(page);
  assert.deepEqual(await page.evaluate(() => {
    const photo = /** @type {HTMLCanvasElement} */ (document.getElementById('photo'));
    return [photo.width, photo.height];
  }), [width, height]);
});

test('the same photo can be chosen twice', async (context) => {
  const { page } = await openPage(context);
  await parseSample(page, HOPPER);
  await parseSample(page, HOPPER);
  await shows(page, HOPPER);
});

test('a folder that takes long to read does not replace the photo that came after it, and a failure is told', async (context) => {
  const { page } = await openPage(context);
  await ready(page);
  await page.evaluate(() => {
    /** @type {((entries: FileSystemEntry[]) => void)[]} */
    const waiting = [];
    /** @type {((reason: Error) => void)[]} */
    const failing = [];
    Object.assign(globalThis, { waiting, failing });
    const { webkitGetAsEntry } = DataTransferItem.prototype;
    DataTransferItem.prototype.webkitGetAsEntry = function () {
      const readEntries = (/** @type {typeof waiting[0]} */ resolve, /** @type {typeof failing[0]} */ reject) => {
        waiting.push(resolve);
        failing.push(reject);
      };
      return Object.assign(/** @type {FileSystemEntry} */ (webkitGetAsEntry.call(this)), { createReader: () => ({ readEntries }) });
    };
  });
  const asked = () => page.waitForFunction(() => Object(globalThis).waiting.length > 0);
  await drop(page, { files: [SAMPLES] });
  await asked();
  await parseSample(page, HOPPER);
  await page.evaluate(() => Object(globalThis).waiting.pop()([]));
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 100)));
  assert.equal(await page.getAttribute('html', 'data-view'), 'result');
  assert.equal(await page.locator('.notice').count(), 0);
  await drop(page, { files: [SAMPLES] });
  await asked();
  await page.evaluate(() => Object(globalThis).failing.pop()(new DOMException('it is gone', 'NotFoundError')));
  await page.locator('.notice.error[data-code=unreadable-file]').waitFor();
});
