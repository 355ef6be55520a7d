import { DataSet } from './api/data-set.js';
import { BodyMapError } from './api/error.js';
import { unpack } from './api/packed.js';
import { Parsing } from './api/parsing.js';
import { sourceData } from './api/source.js';
import { WorkerSession } from './api/worker-session.js';

export { BodyMapError };

/**
 * @typedef {import('./bodymap.d.ts').LoadOptions} LoadOptions
 * @typedef {import('./bodymap.d.ts').ParseOptions} ParseOptions
 * @typedef {import('./bodymap.d.ts').Source} Source
 * @typedef {import('./bodymap.d.ts').BodyMap} Declared
 */

/** @implements {Declared} */
export class BodyMap {
  #session;
  #parsings = 0;

  /** @param {WorkerSession} session */
  constructor(session) {
    this.#session = session;
  }

  /** @param {LoadOptions} [options] */
  static async load({ model = 'default', onProgress, signal, wasmUrl, workerUrl, modelUrl, threads } = {}) {
    if (threads !== undefined && !(Number.isInteger(threads) && threads > 0)) {
      throw new BodyMapError('bad-option', `threads is ${threads}, not a whole number above 0`);
    }
    const session = new WorkerSession(address(workerUrl ?? './worker.js'), {
      op: 'start',
      wasmUrl: folder(wasmUrl ?? './pkg/'),
      modelUrl: folder(modelUrl ?? `./models/${model}/`),
      threads,
    });
    await session.call(() => null, { onProgress, signal });
    return new BodyMap(session);
  }

  get model() {
    return /** @type {import('./bodymap.d.ts').ModelCard} */ (this.#session.started.card);
  }

  get settings() {
    return this.model.settings.map(({ id }) => id);
  }

  get classes() {
    return this.#session.started.classes;
  }

  get threads() {
    return this.#session.started.threads;
  }

  get version() {
    return this.#session.started.version;
  }

  /**
   * @param {Source} source
   * @param {ParseOptions} [options]
   */
  async parse(source, { setting, signal, maxSide, onProgress } = {}) {
    signal?.throwIfAborted();
    const origin = { key: ++this.#parsings, source: sourceData(source), maxSide };
    const request = { op: 'parse', ...origin, setting: setting?.toString() };
    return new Parsing(this.#session, origin, await this.#session.call(() => request, { signal, onProgress }));
  }

  /** @param {import('./bodymap.d.ts').ExportFormat} format */
  dataSet(format) {
    return new DataSet(this.#session, format);
  }

  /**
   * @param {Blob} packed
   * @param {{ source?: Source, maxSide?: number }} [options]
   */
  async unpack(packed, { source, maxSide } = {}) {
    const origin = { key: ++this.#parsings, source: source ? sourceData(source) : null, maxSide };
    return new Parsing(this.#session, origin, await unpack(packed));
  }

  dispose() {
    this.#session.dispose();
  }
}

/** @param {string | URL} url relative to this module */
function address(url) {
  return new URL(url, import.meta.url);
}

/** @param {string | URL} url */
function folder(url) {
  const { href } = address(url);
  return href.endsWith('/') ? href : `${href}/`;
}
