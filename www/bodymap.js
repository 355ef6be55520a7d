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
    const session = new WorkerSession(workerAddress(workerUrl), {
      op: 'start',
      wasmUrl: folder(wasmUrl),
      modelUrl: folder(modelUrl),
      modelName: model,
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

// In a name of its own, so that no bundler takes what stands beside for an asset and moves it from its neighbours.
const HERE = import.meta.url;

/** @param {string | URL} [given] */
function workerAddress(given) {
  if (!globalThis.Worker) {
    throw new BodyMapError('unsupported-browser', 'there are no workers here; load BodyMap in a browser, not on a server');
  }
  const url = given === undefined ? new URL('./worker.js', HERE) : address(given);
  if (url.origin === location.origin) return url;
  const message = `the worker may not be started from ${url.href}; give a workerUrl of the page's own origin`;
  throw new BodyMapError('bad-option', message);
}

/** @param {string | URL} url relative to the page, as in its markup */
function address(url) {
  try {
    return new URL(url, document.baseURI);
  } catch (cause) {
    throw new BodyMapError('bad-option', `${url} is not a URL`, cause);
  }
}

/** @param {string | URL} [url] the worker knows where to look if there is none */
function folder(url) {
  if (url === undefined) return undefined;
  const { href } = address(url);
  return href.endsWith('/') ? href : `${href}/`;
}
