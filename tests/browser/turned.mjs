import assert from 'node:assert/strict';

/** @typedef {import('playwright-core').Page} Page */

/** EXIF with nothing but an orientation. */
export function exif(/** @type {number} */ orientation) {
  return Buffer.concat([
    Buffer.from('II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0', 'latin1'),
    Buffer.from([orientation, 0, 0, 0, 0, 0, 0, 0]),
  ]);
}

/**
 * A picture of four colours, one a quarter, as the browser writes it.
 *
 * @param {Page} page
 * @param {'image/webp' | 'image/png' | 'image/jpeg'} type
 * @param {number} width
 * @param {number} height
 */
export async function quarters(page, type, width, height) {
  const bytes = await page.evaluate(
    async ([mime, w, h]) => {
      const canvas = new OffscreenCanvas(w, h);
      const context2d = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d', { alpha: false }));
      for (const [i, colour] of ['#e03020', '#20a040', '#3050d0', '#e0c020'].entries()) {
        context2d.fillStyle = colour;
        context2d.fillRect(((i % 2) * w) / 2, (Math.floor(i / 2) * h) / 2, w / 2, h / 2);
      }
      const blob = await canvas.convertToBlob({ type: mime, quality: 0.9 });
      return [...new Uint8Array(await blob.arrayBuffer())];
    },
    /** @type {const} */ ([type, width, height]),
  );
  return Buffer.from(bytes);
}

/**
 * A WebP with EXIF.
 *
 * @param {Buffer} webp with an extended header, as the browser's have one
 * @param {Buffer} data
 */
export function webpWith(webp, data) {
  assert.equal(webp.toString('latin1', 8, 16), 'WEBPVP8X');
  const chunk = Buffer.concat([Buffer.from('EXIF'), Buffer.alloc(4), data]);
  chunk.writeUInt32LE(data.length, 4);
  const made = Buffer.concat([webp, chunk]);
  made.writeUInt32LE(made.length - 8, 4);
  made[20] |= 0x08;
  return made;
}

/**
 * A JPEG with a segment behind its first marker.
 *
 * @param {Buffer} jpeg
 * @param {number} marker
 * @param {Buffer} data
 */
export function jpegWith(jpeg, marker, data) {
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(data.length + 2, 2);
  return Buffer.concat([jpeg.subarray(0, 2), head, data, jpeg.subarray(2)]);
}
