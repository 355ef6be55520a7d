import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';

import { SAMPLES, openPage, parseSample, ready, result } from './browser.mjs';

/** The start of a PNG that claims 20000 x 20000 pixels. */
function hugePng() {
  const header = Buffer.from('IHDR\0\0\x4e\x20\0\0\x4e\x20\x08\x06\0\0\0', 'latin1');
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(header));
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\x0d', 'latin1'), header, crc, Buffer.alloc(64)]);
}

const jpeg = await readFile(`${SAMPLES}mpl_grace_hopper.jpg`);

/** @type {[what: string, code: string, bytes: Buffer][]} */
const CASES = [
  ['a truncated JPEG', 'truncated', jpeg.subarray(0, jpeg.length / 2)],
  ['a file of 0 bytes', 'empty-file', Buffer.alloc(0)],
  ['a PNG of 20000 x 20000 pixels', 'photo-too-large', hugePng()],
  ['a text', 'unsupported-format', Buffer.from('This is not a picture.')],
];

/**
 * @param {import('playwright-core').Page} page
 * @param {string} code
 */
async function saysError(page, code) {
  const notice = page.locator(`.notice.error[data-code="${code}"]`);
  await notice.waitFor();
  assert.equal(await page.locator('.notice').count(), 1);
  assert.equal(await notice.locator('.message').getAttribute('data-i18n'), `error.${code}`);
  assert.notEqual(await notice.locator('.detail').innerText(), '');
  assert.equal(await page.getAttribute('html', 'data-view'), 'empty');
}

for (const [what, code, buffer] of CASES) {
  test(`${what} is refused as ${code}, and the next photo works`, async (context) => {
    const { page } = await openPage(context);
    await ready(page);
    await page.setInputFiles('#file', { name: 'photo.jpg', mimeType: 'image/jpeg', buffer });
    await saysError(page, code);
    await page.locator('.notice .dismiss').click();
    assert.equal(await page.locator('.notice').count(), 0);
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'drop');
    await parseSample(page, 'mpl_grace_hopper.jpg');
  });
}

test('a file above 64 MiB is refused as file-too-large, and the next photo works', async (context) => {
  const { page } = await openPage(context);
  await ready(page);
  // Made in the page: it is too large for the browser's remote control.
  await page.evaluate((start) => {
    const bytes = new Uint8Array(64 * 2 ** 20 + 1);
    bytes.set(start);
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], 'photo.jpg', { type: 'image/jpeg' }));
    document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true }));
  }, [...jpeg.subarray(0, 1024)]);
  await saysError(page, 'file-too-large');
  await parseSample(page, 'mpl_grace_hopper.jpg');
});

test('after a crash a smaller copy is offered, and read', async (context) => {
  const { page } = await openPage(context, {
    // The service worker would refuse the changed file.
    context: { serviceWorkers: 'block' },
    expected: /blocked by Playwright/,
    alter(path, body) {
      const trap = "{\n  if (!maxSide) throw new WebAssembly.RuntimeError('unreachable');\n  const photo";
      return path === 'worker/photo.js' ? Buffer.from(`${body}`.replace('{\n  const photo', trap)) : body;
    },
  });
  await ready(page);
  await page.setInputFiles('#file', `${SAMPLES}facerec_biden.jpg`);
  await saysError(page, 'worker-crashed');
  await page.click('.notice [data-i18n="error.smaller"]');
  await result(page);
  const height = await page.evaluate(() => /** @type {HTMLCanvasElement} */ (document.getElementById('colormap')).height);
  assert.equal(height, 1600);
});

test('a model file that was tampered with is refused as wrong-hash and not kept', async (context) => {
  let honest = false;
  const { page } = await openPage(context, {
    alter: (path, body) => (path.endsWith('.onnx') && !honest ? Buffer.alloc(body.length, 7) : body),
  });
  await page.locator('#readiness[data-i18n="ready.failed"]').waitFor();
  await page.setInputFiles('#file', `${SAMPLES}mpl_grace_hopper.jpg`);
  await saysError(page, 'wrong-hash');
  honest = true;
  await parseSample(page, 'mpl_grace_hopper.jpg');
});

test('a kept model file that has been changed is fetched again', async (context) => {
  const { page, site } = await openPage(context);
  await ready(page);
  await page.evaluate(async () => {
    const cache = await caches.open('bodymap models 1');
    const [key] = await cache.keys();
    const { byteLength } = await (/** @type {Response} */ (await cache.match(key))).arrayBuffer();
    await cache.put(key, new Response(new Uint8Array(byteLength)));
  });
  const fetched = () => site.requests.filter((path) => path.endsWith('.onnx')).length;
  const before = fetched();
  await page.reload();
  await ready(page);
  assert.equal(fetched(), before + 1);
  await page.reload();
  await ready(page);
  assert.equal(fetched(), before + 1);
});
