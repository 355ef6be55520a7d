import { BodyMapError } from './error.js';
import { MAX_CANVAS_PIXELS, MAX_PHOTO_PIXELS, MAX_PHOTO_SIDE } from './limits.js';

/**
 * The pixels of a picture, in sRGB. It is drawn in strips, as a canvas of a large photo would stay empty in some browsers.
 *
 * @param {CanvasImageSource} picture
 * @param {number} width of the picture
 * @param {number} height of the picture
 * @returns {ImageData}
 */
export function pixelsOf(picture, width, height) {
  if (Math.max(width, height) > MAX_PHOTO_SIDE || width * height > MAX_PHOTO_PIXELS) {
    const limits = `${Math.floor(MAX_PHOTO_PIXELS / 1e6)} megapixels and ${MAX_PHOTO_SIDE} pixels a side`;
    throw new BodyMapError('photo-too-large', `the picture is ${width}x${height}; at most ${limits} are read; make it smaller`);
  }
  const rows = Math.min(height, Math.floor(MAX_CANVAS_PIXELS / width));
  try {
    const pixels = new ImageData(width, height);
    const context = new OffscreenCanvas(width, rows).getContext('2d', { willReadFrequently: true });
    if (!context) throw new RangeError('there is no context');
    for (let top = 0; top < height; top += rows) {
      context.clearRect(0, 0, width, rows);
      context.drawImage(picture, 0, -top, width, height);
      pixels.data.set(context.getImageData(0, 0, width, Math.min(rows, height - top)).data, 4 * width * top);
    }
    return pixels;
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'SecurityError') {
      const message = 'the pixels may not be read: the picture is of another origin and was loaded without CORS';
      throw new BodyMapError('bad-source', message, cause);
    }
    throw new BodyMapError('out-of-memory', `there is no memory for a picture of ${width}x${height} pixels`, cause);
  }
}
