import { BodyMapError } from './error.js';
import { scriptUrl } from './script-url.js';
import { SHARES_MEMORY } from './shared-memory.js';

/**
 * @typedef {import('../bodymap.d.ts').Progress} Progress
 * @typedef {{ signal?: AbortSignal, onProgress?: (progress: Progress) => void, onPhoto?: (photo: ImageBitmap) => void }} CallOptions
 * @typedef {{ op: string, [field: string]: unknown }} Request
 * @typedef {(held: number | null) => Request | null} MakeRequest
 *
 * @typedef {object} Call
 * @property {MakeRequest} request
 * @property {CallOptions} options
 * @property {(value: any) => void} resolve
 * @property {(reason: unknown) => void} reject
 */

/** Milliseconds in which a worker that is asked to end should have done so. */
const TIME_TO_END = 100;

/**
 * One worker and the queue of calls for it. A worker is started when a call
 * needs one and stopped at once when its call is aborted or its engine traps;
 * the next call then gets a new one.
 */
export class WorkerSession {
  #workerUrl;
  #start;
  /** @type {Worker | null} */
  #worker = null;
  /** @type {import('../worker/stop.js').StopSign | null} Of the worker. */
  #stopSign = null;
  /** @type {BroadcastChannel | null} By which a thread of the worker tells that it crashed: the worker waits for it and cannot. */
  #alarm = null;
  /** @type {number | null} Key of the parsing the worker holds. */
  #held = null;
  /** @type {Call[]} */
  #queue = [];
  /** @type {Call | null} */
  #running = null;
  /** @type {(reason: unknown) => void} Rejects what the worker is being asked. */
  #interrupt = () => {};
  /** @type {unknown} Why the worker was stopped. */
  #failure = null;
  #disposed = false;

  /** @type {any} The worker's answer to the start request. */
  started = null;
  /** Bytes of memory that the engine had taken when it last answered. */
  memory = 0;

  /**
   * @param {URL} workerUrl
   * @param {Request} start first request to every new worker
   */
  constructor(workerUrl, start) {
    this.#workerUrl = workerUrl;
    this.#start = start;
  }

  /**
   * Queues a request. `request` is made when its turn comes and is told the key
   * of the parsing that the worker then holds; null asks for a started worker only.
   *
   * @param {MakeRequest} request
   * @param {CallOptions} [options]
   * @returns {Promise<any>}
   */
  call(request, options = {}) {
    const { signal } = options;
    return new Promise((resolve, reject) => {
      if (this.#disposed) throw new BodyMapError('disposed', 'this BodyMap has been disposed of; load a new one');
      signal?.throwIfAborted();
      const abort = () => this.#abort(call, signal?.reason);
      const settled = () => signal?.removeEventListener('abort', abort);
      /** @type {Call} */
      const call = {
        request,
        options,
        resolve: (value) => (settled(), resolve(value)),
        reject: (reason) => (settled(), reject(reason)),
      };
      signal?.addEventListener('abort', abort);
      this.#queue.push(call);
      this.#next();
    });
  }

  /** Stops the worker; queued and later calls are rejected. */
  dispose() {
    this.#disposed = true;
    const gone = new BodyMapError('disposed', 'the BodyMap was disposed of');
    for (const call of this.#queue.splice(0)) call.reject(gone);
    this.#fail(gone);
  }

  async #next() {
    if (this.#running) return;
    const call = this.#queue.shift();
    if (!call) return;
    this.#running = call;
    try {
      if (!this.#worker) await this.#startWorker(call);
      call.resolve(await this.#perform(call));
    } catch (error) {
      call.reject(error);
    }
    this.#running = null;
    this.#next();
  }

  /** @param {Call} call */
  async #startWorker(call) {
    this.#worker = this.#spawn();
    const alarm = `bodymap ${performance.timeOrigin} ${Math.random()}`;
    this.#alarm = new BroadcastChannel(alarm);
    this.#alarm.onmessage = ({ data }) => this.#fail(crash(`a thread of the engine stopped: ${data}`));
    this.#stopSign = SHARES_MEMORY ? { flag: new Int32Array(new SharedArrayBuffer(4)) } : { url: URL.createObjectURL(new Blob()) };
    try {
      this.started = await this.#ask({ ...this.#start, stopSign: this.#stopSign, alarm }, call);
    } catch (error) {
      this.#stop();
      throw error;
    }
    // A later worker skips the compilation, and the flavour that failed.
    const { module, threads } = this.started;
    this.#start = { ...this.#start, module, threads };
  }

  /** @param {Call} call */
  async #perform(call) {
    const [worker, held] = [this.#worker, this.#held];
    const request = call.request(held);
    if (!request) return null;
    this.#held = null;
    const value = await this.#ask(request, call);
    // An abort may have come between the answer and its arrival here.
    if (worker === this.#worker) this.#held = /** @type {number | undefined} */ (request.key) ?? held;
    return value;
  }

  #spawn() {
    const worker = new Worker(scriptUrl(this.#workerUrl), { type: 'module', name: 'bodymap' });
    worker.addEventListener('error', (event) => {
      event.preventDefault();
      // What was told to end may fail at that.
      if (worker !== this.#worker) return;
      // An event without a message says that the script did not load.
      const error =
        event instanceof ErrorEvent
          ? crash(`the worker stopped: ${event.message}`)
          : new BodyMapError('download-failed', `${this.#workerUrl.pathname} could not be loaded; see to the workerUrl`);
      this.#fail(error);
    });
    worker.addEventListener('messageerror', () => {
      if (worker === this.#worker) this.#fail(crash('the answer of the worker cannot be read'));
    });
    return worker;
  }

  /**
   * @param {Request} request
   * @param {Call} call
   * @returns {Promise<any>}
   */
  #ask(request, call) {
    return new Promise((resolve, reject) => {
      const worker = this.#worker;
      if (!worker) throw this.#failure;
      this.#interrupt = reject;
      worker.onmessage = ({ data: { progress, picture, error, fatal, value, memory } }) => {
        if (progress) return call.options.onProgress?.(progress);
        if (picture) return call.options.onPhoto?.(picture);
        if (!error) {
          this.memory = memory;
          return resolve(value);
        }
        const reason = new BodyMapError(error.code, error.message);
        if (fatal) this.#fail(reason);
        else reject(reason);
      };
      worker.postMessage({ ...request, abortable: Boolean(call.options.signal) });
    });
  }

  /** @param {unknown} reason */
  #fail(reason) {
    this.#stop();
    this.#failure = reason;
    this.#interrupt(reason);
  }

  /**
   * @param {Call} call
   * @param {unknown} reason
   */
  #abort(call, reason) {
    if (this.#running === call) return this.#fail(reason);
    this.#queue.splice(this.#queue.indexOf(call), 1);
    call.reject(reason);
  }

  /**
   * Chromium takes seconds to end a worker that computes and threads that wait, so they are
   * asked to go by themselves, where they can hear it; if they do not, they are made to.
   */
  #stop() {
    const worker = this.#worker;
    this.#worker = null;
    this.#held = null;
    this.memory = 0;
    this.#alarm?.close();
    this.#alarm = null;
    if (!worker) return;
    worker.onmessage = null;
    const sign = this.#stopSign;
    if (sign && 'flag' in sign) Atomics.store(sign.flag, 0, 1);
    else if (sign) URL.revokeObjectURL(sign.url);
    worker.postMessage({ op: 'end' });
    setTimeout(() => worker.terminate(), TIME_TO_END);
  }
}

/** @param {string} what happened */
function crash(what) {
  return new BodyMapError('worker-crashed', `${what}; try again`);
}
