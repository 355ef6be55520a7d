import { DataSet } from './api/data-set.js';
import { BodyMapError } from './api/error.js';
import { unpack } from './api/packed.js';
import { Parsing } from './api/parsing.js';
import { sourceData } from './api/source.js';
import { removeModel, storedModels } from './api/stored-models.js';
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
  #templatesUrl;
  #parsings = 0;

  /**
   * @param {WorkerSession} session
   * @param {string} [templatesUrl]
   */
  constructor(session, templatesUrl) {
    this.#session = session;
    this.#templatesUrl = templatesUrl;
  }

  /** @param {LoadOptions} [options] */
  static async load({ model = 'default', onProgress, signal, wasmUrl, workerUrl, modelUrl, templatesUrl, threads } = {}) {
    if (threads !== undefined && !(Number.isInteger(threads) && threads > 0)) {
      throw new BodyMapError('bad-option', `threads is ${threads}, not a whole number above 0`);
    }
    const session = new WorkerSession(workerAddress(workerUrl), {
      op: 'start',
      wasmUrl: folder(wasmUrl),
      model: modelUrl !== undefined ? { url: cardUrl(modelUrl) } : typeof model === 'string' ? { name: model } : model,
      threads,
    });
    try {
      await session.call(() => null, { onProgress, signal });
    } catch (error) {
      // A worker whose model failed has the engine's memory still.
      session.dispose();
      throw error;
    }
    return new BodyMap(session, folder(templatesUrl));
  }

  static storedModels() {
    return storedModels();
  }

  /** @param {string} id */
  static removeModel(id) {
    return removeModel(id);
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

  get exportFormats() {
    return this.#session.started.formats;
  }

  get threads() {
    return this.#session.started.threads;
  }

  get version() {
    return this.#session.started.version;
  }

  get memory() {
    return this.#session.memory;
  }

  /**
   * @param {Source} source
   * @param {ParseOptions} [options]
   */
  async parse(source, { setting, signal, maxSide, onProgress, onPhoto } = {}) {
    signal?.throwIfAborted();
    const origin = { key: ++this.#parsings, source: sourceData(source), maxSide };
    const request = { op: 'parse', ...origin, setting: setting?.toString(), isShown: onPhoto !== undefined };
    return new Parsing(this.#session, origin, await this.#session.call(() => request, { signal, onProgress, onPhoto }));
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

  /**
   * @param {Blob} checkpoint
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<import('./bodymap.d.ts').CheckpointInfo>}
   */
  inspectCheckpoint(checkpoint, { signal } = {}) {
    const request = { op: 'inspect', checkpoint, templatesUrl: this.#templatesUrl };
    return this.#session.call(() => request, { signal });
  }

  /**
   * @param {Blob} checkpoint
   * @param {import('./bodymap.d.ts').ImportOptions} options
   * @returns {Promise<import('./bodymap.d.ts').StoredModel>}
   */
  importCheckpoint(checkpoint, { licence, precision = 'f16', signal, onProgress }) {
    const request = { op: 'import', checkpoint, licence, precision, templatesUrl: this.#templatesUrl };
    return this.#session.call(() => request, { signal, onProgress });
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

/** @param {string | URL} url of a card, or of the folder that it is in */
function cardUrl(url) {
  const { href, pathname } = address(url);
  return pathname.endsWith('.json') ? href : `${folder(url)}card.json`;
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
