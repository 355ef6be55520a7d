import { BodyMapError } from '../api/error.js';
import { MAX_PHOTO_BYTES, MAX_SHOWN_SIDE } from '../api/limits.js';
import { pixelsOf } from '../api/pixels.js';

/**
 * @typedef {import('./glue.d.ts').Glue} Glue
 * @typedef {import('./glue.d.ts').GluePhoto} GluePhoto
 */

/**
 * @param {Glue} glue
 * @param {Blob | ImageData} source
 * @param {number} [maxSide]
 * @returns {Promise<GluePhoto>}
 */
export async function readPhoto(glue, source, maxSide) {
  const photo = source instanceof ImageData ? await fromPixels(glue, source) : await fromFile(glue, source);
  return maxSide === undefined ? photo : photo.scaled(maxSide);
}

/**
 * A picture of the photo to show, with what is parsed in it: browsers and the engine differ in what they
 * make of some files, such as WebP with an orientation.
 *
 * @param {GluePhoto} photo
 */
export function pictureOf(photo) {
  const fit = Math.min(1, MAX_SHOWN_SIDE / Math.max(photo.width, photo.height));
  const [width, height] = [photo.width, photo.height].map((side) => Math.round(side * fit) || 1);
  const { buffer } = photo.rgba(width, height);
  return createImageBitmap(new ImageData(new Uint8ClampedArray(buffer), width, height));
}

/**
 * @param {Glue} glue
 * @param {Blob} file
 */
async function fromFile(glue, file) {
  if (file.size > MAX_PHOTO_BYTES) {
    const [size, most] = [file.size, MAX_PHOTO_BYTES].map((bytes) => Math.ceil(bytes / 2 ** 20));
    throw new BodyMapError('file-too-large', `the file has ${size} MiB, at most ${most} MiB are read; choose a smaller one`);
  }
  const buffer = await file.arrayBuffer().catch((cause) => {
    throw new BodyMapError('unreadable-file', 'the file could not be read; it may have been moved or changed', cause);
  });
  const bytes = new Uint8Array(buffer);
  try {
    return glue.Photo.decode(bytes);
  } catch (error) {
    if (codeOf(error) !== 'unsupported-format') throw error;
    const bitmap = await decodeByBrowser(glue, file, bytes);
    if (!bitmap) throw error;
    return fromBitmap(glue, bitmap);
  }
}

/**
 * Formats beyond the engine's (AVIF, GIF, BMP, HEIC, rare kinds of JPEG) as far as the browser knows them, and as far
 * as the header says how much memory that takes.
 *
 * @param {Glue} glue
 * @param {Blob} file
 * @param {Uint8Array} bytes of the file
 * @returns {Promise<ImageBitmap | null>}
 */
async function decodeByBrowser(glue, file, bytes) {
  try {
    glue.checkClaimedSize(bytes);
  } catch (error) {
    if (['unsupported-format', 'corrupt-photo'].includes(codeOf(error))) return null;
    throw error;
  }
  return createImageBitmap(file).catch(() => null);
}

/**
 * @param {Glue} glue
 * @param {ImageData} pixels
 */
async function fromPixels(glue, pixels) {
  const { width, height, data, colorSpace } = pixels;
  // Wide colours, and numbers of more bits, as the browser brings them to sRGB.
  if ((colorSpace ?? 'srgb') !== 'srgb' || !(data instanceof Uint8ClampedArray)) return fromBitmap(glue, await createImageBitmap(pixels));
  return glue.Photo.fromRgba(width, height, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

/**
 * @param {Glue} glue
 * @param {ImageBitmap} bitmap is closed
 * @returns {Promise<GluePhoto>}
 */
function fromBitmap(glue, bitmap) {
  try {
    return fromPixels(glue, pixelsOf(bitmap, bitmap.width, bitmap.height));
  } finally {
    bitmap.close();
  }
}

/** @param {unknown} thrown */
function codeOf(thrown) {
  return /** @type {{ code: string }} */ (thrown).code;
}
