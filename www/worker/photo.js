import { BodyMapError } from '../api/error.js';

/**
 * @typedef {import('./glue.d.ts').Glue} Glue
 * @typedef {import('./glue.d.ts').GluePhoto} GluePhoto
 */

/** As the engine's own limit: no larger file is read into memory. */
const MAX_PHOTO_BYTES = 64 * 2 ** 20;

/**
 * @param {Glue} glue
 * @param {Blob | ImageData} source
 * @param {number} [maxSide]
 * @returns {Promise<GluePhoto>}
 */
export async function readPhoto(glue, source, maxSide) {
  const photo = source instanceof ImageData ? fromPixels(glue, source) : await fromFile(glue, source);
  return maxSide === undefined ? photo : photo.scaled(maxSide);
}

/**
 * @param {Glue} glue
 * @param {Blob} file
 */
async function fromFile(glue, file) {
  if (file.size > MAX_PHOTO_BYTES) {
    const size = Math.ceil(file.size / 2 ** 20);
    throw new BodyMapError('file-too-large', `the file has ${size} MiB, at most 64 MiB are read; choose a smaller one`);
  }
  const bytes = await file.arrayBuffer().catch((cause) => {
    throw new BodyMapError('unreadable-file', 'the file could not be read; it may have been moved or changed', cause);
  });
  try {
    return glue.Photo.decode(new Uint8Array(bytes));
  } catch (error) {
    if (/** @type {BodyMapError} */ (error).code !== 'unsupported-format') throw error;
    const pixels = await decodeByBrowser(file);
    if (!pixels) throw error;
    return fromPixels(glue, pixels);
  }
}

/**
 * Formats beyond the engine's (AVIF, GIF, BMP, HEIC) as far as the browser knows them.
 *
 * @param {Blob} file
 * @returns {Promise<ImageData | null>}
 */
async function decodeByBrowser(file) {
  try {
    const bitmap = await createImageBitmap(file);
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
    context?.drawImage(bitmap, 0, 0);
    bitmap.close();
    return context?.getImageData(0, 0, context.canvas.width, context.canvas.height) ?? null;
  } catch {
    return null;
  }
}

/**
 * @param {Glue} glue
 * @param {ImageData} pixels
 */
function fromPixels(glue, { width, height, data }) {
  return glue.Photo.fromRgba(width, height, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}
