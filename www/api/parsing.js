import { BodyMapError } from './error.js';

/**
 * @typedef {import('../bodymap.d.ts').Parsing} Declared
 * @typedef {import('../bodymap.d.ts').PaintOptions} PaintOptions
 * @typedef {import('../bodymap.d.ts').ExportOptions} ExportOptions
 * @typedef {import('../bodymap.d.ts').ExportFormat} ExportFormat
 * @typedef {import('./worker-session.js').WorkerSession} WorkerSession
 * @typedef {import('./source.js').SourceData} SourceData
 */

/** Canvas area that every browser can show; iOS has the smallest limit. */
const MAX_CANVAS_PIXELS = 16_777_216;

const MEDIA_TYPES = {
  labelmap: 'image/png',
  colormap: 'image/png',
  overlay: 'image/png',
  people: 'image/png',
  json: 'application/json',
};

/** @implements {Declared} */
export class Parsing {
  #session;
  #origin;

  /**
   * @param {WorkerSession} session
   * @param {{ key: number, source: SourceData, maxSide?: number }} origin
   * @param {any} parts the worker's answer
   */
  constructor(session, origin, { width, height, labelSet, labels, people, segments, timings }) {
    this.#session = session;
    this.#origin = origin;
    this.width = /** @type {number} */ (width);
    this.height = /** @type {number} */ (height);
    this.labelSet = /** @type {string} */ (labelSet);
    this.labels = /** @type {Uint8Array<ArrayBuffer>} */ (labels);
    this.people = /** @type {Uint16Array<ArrayBuffer>} */ (people);
    this.segments = /** @type {import('../bodymap.d.ts').Segment[]} */ (segments);
    this.timings = /** @type {import('../bodymap.d.ts').Timings} */ (timings);
  }

  /**
   * @param {HTMLCanvasElement | OffscreenCanvas} canvas
   * @param {PaintOptions} [options]
   */
  async paint(canvas, { width, height, signal, ...options } = {}) {
    const fit = Math.min(1, Math.sqrt(MAX_CANVAS_PIXELS / (this.width * this.height)));
    const size = {
      width: Math.round(width ?? this.width * fit) || 1,
      height: Math.round(height ?? this.height * fit) || 1,
    };
    const rgba = await this.#ask({ op: 'paint', ...size, options: JSON.stringify(options) }, signal);
    const context = /** @type {CanvasRenderingContext2D | null} */ (canvas.getContext('2d'));
    if (!context) throw new BodyMapError('bad-option', 'the canvas cannot be painted: it has another kind of context');
    // Setting a size clears the canvas, even when it stays the same.
    if (canvas.width !== size.width) canvas.width = size.width;
    if (canvas.height !== size.height) canvas.height = size.height;
    context.putImageData(new ImageData(new Uint8ClampedArray(rgba.buffer), size.width, size.height), 0, 0);
  }

  /**
   * @param {ExportFormat} format
   * @param {ExportOptions} [options]
   * @returns {Promise<Blob>}
   */
  async export(format, { signal, ...options } = {}) {
    const type = MEDIA_TYPES[format];
    if (!type) {
      const formats = Object.keys(MEDIA_TYPES).join(', ');
      throw new BodyMapError('bad-option', `there is no export format ${JSON.stringify(format)}; use ${formats}`);
    }
    const bytes = await this.#ask({ op: 'export', format, options: JSON.stringify(options) }, signal);
    return new Blob([bytes], { type });
  }

  /**
   * @param {{ op: string, [field: string]: unknown }} request
   * @param {AbortSignal} [signal]
   */
  #ask(request, signal) {
    const { key } = this.#origin;
    const make = (/** @type {number | null} */ held) => ({ ...request, key, ...(held === key ? {} : this.#parts()) });
    return this.#session.call(make, { signal });
  }

  /** What a worker that does not hold this parsing needs to make it again. */
  #parts() {
    const { width, height, labelSet, labels, people } = this;
    const segments = JSON.stringify(this.segments);
    return { parts: { width, height, labelSet, labels, people, segments }, origin: this.#origin };
  }
}
