import { BodyMapError } from './error.js';
import { MAX_CANVAS_PIXELS } from './limits.js';
import { pack } from './packed.js';

/**
 * @typedef {import('../bodymap.d.ts').Parsing} Declared
 * @typedef {import('../bodymap.d.ts').PaintOptions} PaintOptions
 * @typedef {import('../bodymap.d.ts').ExportOptions} ExportOptions
 * @typedef {import('../bodymap.d.ts').ExportFormat} ExportFormat
 * @typedef {import('./worker-session.js').WorkerSession} WorkerSession
 * @typedef {import('./source.js').SourceData} SourceData
 */

/** What a photo without a name is called. */
const NAMELESS = 'photo.jpg';

/** @implements {Declared} */
export class Parsing {
  #session;
  #origin;

  /**
   * @param {WorkerSession} session
   * @param {{ key: number, source: SourceData | null, maxSide?: number }} origin
   * @param {any} parts the worker's answer
   */
  constructor(session, origin, { width, height, labelSet, labels, people, segments, instances = [], timings }) {
    this.#session = session;
    this.#origin = origin;
    this.width = /** @type {number} */ (width);
    this.height = /** @type {number} */ (height);
    this.labelSet = /** @type {string} */ (labelSet);
    this.labels = /** @type {Uint8Array<ArrayBuffer>} */ (labels);
    this.people = /** @type {Uint16Array<ArrayBuffer>} */ (people);
    this.segments = /** @type {import('../bodymap.d.ts').Segment[]} */ (segments);
    this.instances = /** @type {import('../bodymap.d.ts').Instance[]} */ (instances);
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
    const request = { op: 'paint', ...size, options: JSON.stringify(options) };
    // A picture is made of the maps alone, and a reader may repaint often.
    const rgba = await this.#session.call(() => ({ ...request, key: this.#origin.key, ...this.#parts([], []) }), { signal });
    const context = /** @type {CanvasRenderingContext2D | null} */ (canvas.getContext('2d'));
    if (!context) throw new BodyMapError('bad-option', 'the canvas cannot be painted: it has another kind of context');
    // Setting a size clears the canvas, even when it stays the same.
    if (canvas.width !== size.width) canvas.width = size.width;
    if (canvas.height !== size.height) canvas.height = size.height;
    context.putImageData(new ImageData(new Uint8ClampedArray(rgba.buffer), size.width, size.height), 0, 0);
  }

  /**
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<ImageBitmap>}
   */
  photo({ signal } = {}) {
    const { key } = this.#origin;
    const make = (/** @type {number | null} */ held) => ({ op: 'show', key, ...(held === key ? {} : this.#parts()) });
    return this.#session.call(make, { signal });
  }

  /**
   * @param {ExportFormat} format
   * @param {ExportOptions} [options]
   * @returns {Promise<File>}
   */
  async export(format, options = {}) {
    return fileOf(await this.ask({ op: 'export', ...exportRequest(this, format, options) }, options.signal));
  }

  pack() {
    return pack(this);
  }

  /** Name of the photo's file, if it had one that a path can have. */
  get name() {
    const { source } = this.#origin;
    return (source instanceof File && source.name.replace(/[\\/\p{Cc}]/gu, '_')) || NAMELESS;
  }

  /**
   * Asks the worker for something that it makes of this parsing, as it is now: whoever changed the labels or the
   * people gets what fits, whether or not the worker holds the parsing.
   *
   * @param {{ op: string, [field: string]: unknown }} request
   * @param {AbortSignal} [signal]
   */
  ask(request, signal) {
    return this.#session.call(() => ({ ...request, key: this.#origin.key, ...this.#parts() }), { signal });
  }

  /** What a worker needs to make this parsing again, with these lists. */
  #parts(segments = this.segments, instances = this.instances) {
    const { width, height, labelSet, labels, people } = this;
    const lists = { segments: JSON.stringify(segments), instances: JSON.stringify(instances) };
    return { parts: { width, height, labelSet, labels, people, ...lists }, origin: this.#origin };
  }
}

/**
 * @param {Parsing} parsing
 * @param {ExportFormat} format
 * @param {ExportOptions} options
 */
export function exportRequest(parsing, format, { name = parsing.name, photos, ...options }) {
  // The rest is what a picture shows, and the signal, which is not the worker's business.
  const shown = JSON.stringify({ ...options, signal: undefined });
  return { format: `${format}`, name: `${name}`, photos, options: shown };
}

/**
 * @param {{ path: string, bytes: BlobPart, type: string }} answer of the worker
 * @returns {File}
 */
export function fileOf({ path, bytes, type }) {
  return new File([bytes], path, { type });
}
