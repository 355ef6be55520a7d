import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { SAMPLES, download, openPage, ready, result } from './browser.mjs';
import { exif, jpegWith, quarters, webpWith } from './turned.mjs';

/** @typedef {import('playwright-core').Page} Page */

const HOPPER = 'mpl_grace_hopper.jpg';
/** Made for these tests by Pillow: 48 x 32 pixels of a gradient, and 12000 x 12000 of one colour. */
const PICTURES = new URL('./pictures/', import.meta.url);

/**
 * The pixels of the photo that is shown, and those of the overlay without colours, which are what was parsed.
 *
 * @param {Page} page with a result
 */
async function shownAndParsed(page) {
  await page.locator('#opacity').fill('0');
  const { bytes } = await download(page, 'overlay');
  return page.evaluate(async (base64) => {
    const pixelsOf = (/** @type {HTMLCanvasElement | ImageBitmap} */ picture) => {
      const copy = new OffscreenCanvas(picture.width, picture.height);
      const context2d = /** @type {OffscreenCanvasRenderingContext2D} */ (copy.getContext('2d'));
      context2d.drawImage(picture, 0, 0);
      const { data } = context2d.getImageData(0, 0, copy.width, copy.height);
      return { size: `${copy.width}x${copy.height}`, data };
    };
    const png = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    const parsed = pixelsOf(await createImageBitmap(new Blob([png], { type: 'image/png' })));
    const shown = pixelsOf(/** @type {HTMLCanvasElement} */ (document.getElementById('photo')));
    const box = document.getElementById('picture')?.getBoundingClientRect() ?? { width: 0, height: 1 };
    return {
      shown: shown.size,
      parsed: parsed.size,
      differing: shown.data.filter((value, i) => value !== parsed.data[i]).length,
      ratio: box.width / box.height,
      corner: shown.data.slice(0, 3).join(),
    };
  }, bytes.toString('base64'));
}

/**
 * @param {Page} page
 * @param {string} name
 * @param {Buffer} buffer
 */
async function parse(page, name, buffer) {
  await page.setInputFiles('#file', { name, mimeType: `image/${name.split('.').pop()}`, buffer });
  await page.locator('[data-view=busy]').waitFor();
  await result(page);
}

test('what is shown is what was parsed, whatever the browser makes of the file', async (context) => {
  const { page } = await openPage(context);
  await ready(page);
  const [webp, jpeg] = [await quarters(page, 'image/webp', 96, 64), await quarters(page, 'image/jpeg', 96, 64)];
  const segment = (/** @type {number} */ orientation) => Buffer.concat([Buffer.from('Exif\0\0'), exif(orientation)]);
  const turned = jpegWith(jpeg, 0xe1, segment(6));
  /** @type {[name: string, file: Buffer, size: string | null][]} */
  const files = [
    ['upright.webp', webp, '96x64'],
    ['turned.webp', webpWith(webp, exif(6)), '64x96'],
    ['mirrored.webp', webpWith(webp, exif(2)), '96x64'],
    ['turned.jpg', turned, '64x96'],
    // Which of two orientations counts is not the page's business; that it shows the same one is.
    ['twice.jpg', jpegWith(turned, 0xe1, segment(1)), null],
    ['small.avif', await readFile(new URL('small.avif', PICTURES)), '48x32'],
    // Kinds of JPEG that the engine does not read, browsers do: without Huffman tables, as in films.
    ['no-tables.jpg', await readFile(new URL('no-tables.jpg', PICTURES)), '48x32'],
    ['small.gif', await readFile(new URL('small.gif', PICTURES)), '48x32'],
    ['hopper.jpg', await readFile(SAMPLES + HOPPER), '512x600'],
  ];
  for (const [name, file, size] of files) {
    await parse(page, name, file);
    const found = await shownAndParsed(page);
    assert.equal(found.differing, 0, name);
    assert.equal(found.shown, found.parsed, name);
    assert.equal(found.shown, size ?? found.shown, name);
    const [width, height] = found.shown.split('x').map(Number);
    assert.ok(Math.abs(found.ratio / (width / height) - 1) < 0.02, `${name}: shown at ${found.ratio}`);
    context.diagnostic(`${name}: ${found.shown}, corner ${found.corner}`);
  }
});

test('a photo of the list is shown as it was parsed, too', async (context) => {
  const { page } = await openPage(context);
  await ready(page);
  const webp = await quarters(page, 'image/webp', 96, 64);
  const file = { name: 'turned.webp', mimeType: 'image/webp', buffer: webpWith(webp, exif(6)) };
  await page.setInputFiles('#file', [file, { ...file, name: 'other.webp', buffer: webp }]);
  await page.locator('#batch-list li:last-child[data-state=done]').waitFor();
  await page.locator('#batch-list button').first().click();
  await result(page);
  const { shown, differing } = await shownAndParsed(page);
  assert.deepEqual([shown, differing], ['64x96', 0]);
});

test('the photo is shown as soon as it is read, and a large one at the size of a screen', async (context) => {
  const { page } = await openPage(context);
  await ready(page);
  const large = await quarters(page, 'image/jpeg', 4000, 3000);
  await page.setInputFiles('#file', { name: 'large.jpg', mimeType: 'image/jpeg', buffer: large });
  const early = await page.waitForFunction(() => {
    const { width, height } = /** @type {HTMLCanvasElement} */ (document.getElementById('photo'));
    return width > 0 && [width, height, document.documentElement.dataset.view];
  });
  assert.deepEqual(await early.jsonValue(), [2048, 1536, 'busy']);
  await result(page);
});

test('a file of a few bytes that claims many pixels is refused before the browser decodes it', async (context) => {
  const { page } = await openPage(context);
  await ready(page);
  // A screen of one pixel, whose first picture is of 65535 x 65535.
  const gif = Buffer.from('GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\xff\xff\xff\xff\0\x02\x02L\x01\0;', 'latin1');
  const bmp = Buffer.alloc(200);
  bmp.write('BM');
  for (const [at, value] of [[2, 200], [10, 54], [14, 40], [18, 20_000], [22, 20_000]]) bmp.writeUInt32LE(value, at);
  bmp.writeUInt16LE(1, 26);
  bmp.writeUInt16LE(24, 28);
  const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="30000" height="30000"><rect width="9" height="9"/></svg>');
  /** @type {[name: string, file: Buffer, code: string][]} */
  const files = [
    ['huge.avif', await readFile(new URL('huge.avif', PICTURES)), 'photo-too-large'],
    ['huge.gif', gif, 'photo-too-large'],
    ['huge.bmp', bmp, 'photo-too-large'],
    ['huge.svg+xml', svg, 'unsupported-format'],
  ];
  for (const [name, buffer, code] of files) {
    await page.setInputFiles('#file', { name, mimeType: `image/${name.split('.').pop()}`, buffer });
    await page.locator(`.notice.error[data-code="${code}"]`).waitFor();
    assert.equal(await page.locator('#photo').evaluate((canvas) => /** @type {HTMLCanvasElement} */ (canvas).width), 0, name);
    await page.locator('.notice .dismiss').click();
  }
  await parse(page, 'small.avif', await readFile(new URL('small.avif', PICTURES)));
});
