import { BodyMapError } from './error.js';
import { pixelsOf } from './pixels.js';

/**
 * @typedef {import('../bodymap.d.ts').Source} Source
 * @typedef {Blob | ImageData} SourceData what the worker gets: a file as it is, or pixels
 */

/**
 * A source as it is at this moment, in a form that can be sent to the worker.
 *
 * @param {Source} source
 * @returns {SourceData}
 */
export function sourceData(source) {
  if (source instanceof Blob || source instanceof ImageData) return source;
  const [width, height] = pictureSize(source);
  if (!(width > 0 && height > 0)) {
    throw new BodyMapError('bad-source', 'the source has no pixels yet; wait until it has loaded');
  }
  return pixelsOf(source, width, height);
}

/**
 * @param {Exclude<Source, Blob | ImageData>} source
 * @returns {[width: number, height: number]} in pixels, upright
 */
function pictureSize(source) {
  if (source instanceof HTMLImageElement) return [source.naturalWidth, source.naturalHeight];
  if (source instanceof HTMLVideoElement) return [source.videoWidth, source.videoHeight];
  if (globalThis.VideoFrame && source instanceof VideoFrame) return [source.displayWidth, source.displayHeight];
  if (source instanceof HTMLCanvasElement || source instanceof OffscreenCanvas || source instanceof ImageBitmap) {
    return [source.width, source.height];
  }
  throw new BodyMapError(
    'bad-source',
    'a source is a Blob, an image, a canvas, a video, an ImageBitmap, a VideoFrame or ImageData',
  );
}
