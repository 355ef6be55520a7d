import { BodyMapError } from './error.js';
import { exportRequest, fileOf } from './parsing.js';

/**
 * @typedef {import('../bodymap.d.ts').DataSet} Declared
 * @typedef {import('../bodymap.d.ts').ExportFormat} ExportFormat
 * @typedef {import('../bodymap.d.ts').ExportOptions} ExportOptions
 * @typedef {import('./parsing.js').Parsing} Parsing
 * @typedef {import('./worker-session.js').WorkerSession} WorkerSession
 */

/** Of a file's name; a name that is nothing else has none. */
const ENDING = /(?<=[^/])\.[^./]*$/;

/** @implements {Declared} */
export class DataSet {
  #session;
  #format;
  /** @type {string | null} */
  #labelSet = null;
  /** @type {Map<string, [path: string, blob: Blob][]>} By the name of the photo without its ending. */
  #photos = new Map();

  /**
   * @param {WorkerSession} session
   * @param {ExportFormat} format
   */
  constructor(session, format) {
    this.#session = session;
    this.#format = format;
  }

  get size() {
    return this.#photos.size;
  }

  /**
   * @param {Parsing} parsing
   * @param {ExportOptions} [options]
   */
  async add(parsing, options = {}) {
    const request = exportRequest(parsing, this.#format, options);
    const stem = request.name.replace(ENDING, '');
    if (this.#photos.has(stem)) {
      throw new BodyMapError('name-clash', `there is a photo ${stem} already; give this one another name`);
    }
    this.#labelSet ??= parsing.labelSet;
    this.#photos.set(stem, []);
    try {
      this.#photos.set(stem, await parsing.ask({ op: 'files', ...request }, options.signal));
    } catch (error) {
      this.#photos.delete(stem);
      throw error;
    }
  }

  /** @param {{ signal?: AbortSignal }} [options] */
  async finish({ signal } = {}) {
    const photos = Array.from(this.#photos, ([stem, files]) => ({ stem, files }));
    const request = { op: 'gather', format: this.#format, labelSet: this.#labelSet ?? 'cihp', photos };
    return fileOf(await this.#session.call(() => request, { signal }));
  }
}
