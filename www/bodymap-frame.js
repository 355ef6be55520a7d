import { BodyMapError } from './api/error.js';
import { HELLO, PROTOCOL } from './api/frame-protocol.js';
import { sourceData } from './api/source.js';

export { BodyMapError };

/**
 * @typedef {import('./bodymap-frame.d.ts').BodyMapFrame} Declared
 * @typedef {import('./bodymap-frame.d.ts').FrameOptions} FrameOptions
 * @typedef {import('./bodymap-frame.d.ts').FrameParseOptions} FrameParseOptions
 * @typedef {import('./bodymap.d.ts').Progress} Progress
 * @typedef {import('./api/frame-protocol.js').Answer} Answer
 * @typedef {import('./api/frame-protocol.js').Welcome} Welcome
 * @typedef {{ signal?: AbortSignal, onProgress?: (progress: Progress) => void }} CallOptions
 *
 * @typedef {object} Call
 * @property {(value: any) => void} resolve
 * @property {(reason: unknown) => void} reject
 * @property {(progress: Progress) => void} [onProgress]
 */

/** Milliseconds in which the page in the frame has to load and answer. */
const PATIENCE = 20_000;

/** @implements {Declared} */
export class BodyMapFrame {
  #port;
  #calls = 0;
  /** @type {Map<number, Call>} */
  #open = new Map();
  /** @type {any} Answer to the load request. */
  #loaded = null;

  /**
   * @param {HTMLIFrameElement} element
   * @param {MessagePort} port
   */
  constructor(element, port) {
    this.element = element;
    this.#port = port;
    port.onmessage = ({ data }) => this.#take(data);
  }

  /**
   * @param {string | URL} url
   * @param {FrameOptions} [options]
   */
  static async open(url, { parent, signal, onProgress, timeout = PATIENCE } = {}) {
    signal?.throwIfAborted();
    const address = new URL(url, document.baseURI);
    const element = document.createElement('iframe');
    element.title = 'bodymap';
    // Where this page is cross-origin isolated, the frame may use threads as well.
    element.allow = 'cross-origin-isolated';
    element.hidden = !parent;
    element.src = address.href;
    try {
      const frame = new BodyMapFrame(element, await connect(element, address, parent ?? document.body, signal, timeout));
      frame.#loaded = await frame.#call({ op: 'load' }, { signal, onProgress });
      return frame;
    } catch (error) {
      element.remove();
      throw error;
    }
  }

  get model() {
    return /** @type {import('./bodymap.d.ts').ModelCard} */ (this.#loaded.model);
  }

  get settings() {
    return /** @type {string[]} */ (this.#loaded.settings);
  }

  get classes() {
    return /** @type {import('./bodymap.d.ts').Class[]} */ (this.#loaded.classes);
  }

  get threads() {
    return /** @type {number} */ (this.#loaded.threads);
  }

  get version() {
    return /** @type {string} */ (this.#loaded.version);
  }

  /**
   * @param {import('./bodymap.d.ts').Source} source
   * @param {FrameParseOptions} [options]
   */
  async parse(source, { setting, maxSide, formats = [], signal, onProgress, ...options } = {}) {
    signal?.throwIfAborted();
    const request = { op: 'parse', source: sourceData(source), setting, maxSide, formats, options };
    return this.#call(request, { signal, onProgress });
  }

  close() {
    this.#port.close();
    this.element.remove();
    const gone = new BodyMapError('disposed', 'the frame was closed');
    for (const { reject } of this.#open.values()) reject(gone);
    this.#open.clear();
  }

  /**
   * @param {{ op: string, [field: string]: unknown }} request
   * @param {CallOptions} options
   * @returns {Promise<any>}
   */
  #call(request, { signal, onProgress }) {
    const id = ++this.#calls;
    return new Promise((resolve, reject) => {
      if (!this.element.isConnected) throw new BodyMapError('disposed', 'the frame has been closed; open a new one');
      this.#port.postMessage({ id, ...request });
      const abort = () => {
        this.#port.postMessage({ id, op: 'abort' });
        this.#take({ id, reason: signal?.reason });
      };
      const settled = () => {
        signal?.removeEventListener('abort', abort);
        this.#open.delete(id);
      };
      signal?.addEventListener('abort', abort);
      this.#open.set(id, {
        onProgress,
        resolve: (value) => (settled(), resolve(value)),
        reject: (reason) => (settled(), reject(reason)),
      });
    });
  }

  /** @param {Answer & { reason?: unknown }} answer */
  #take({ id, value, error, progress, ...aborted }) {
    const call = this.#open.get(id);
    if (progress) call?.onProgress?.(progress);
    else if ('reason' in aborted) call?.reject(aborted.reason);
    else if (error) call?.reject(new BodyMapError(error.code, error.message));
    else call?.resolve(value);
  }
}

/**
 * Loads the page into the frame and gives it one end of a channel.
 *
 * @param {HTMLIFrameElement} element
 * @param {URL} address
 * @param {Element} parent
 * @param {AbortSignal | undefined} signal
 * @param {number} timeout
 * @returns {Promise<MessagePort>} the other end
 */
function connect(element, address, parent, signal, timeout) {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal?.reason);
    const timer = setTimeout(() => {
      reject(new BodyMapError('no-answer', `${address.href} did not answer; see to its address and headers`));
    }, timeout);
    const settled = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    };
    signal?.addEventListener('abort', abort);
    port1.onmessage = (/** @type {MessageEvent<Welcome>} */ { data }) => {
      settled();
      if ('ready' in data) resolve(port1);
      else reject(new BodyMapError(data.refused.code, data.refused.message));
    };
    element.addEventListener(
      'load',
      // The exact origin: whoever else may be in the frame does not hear it.
      () => element.contentWindow?.postMessage({ kind: HELLO, protocol: PROTOCOL }, address.origin, [port2]),
      { once: true },
    );
    parent.append(element);
  });
}
