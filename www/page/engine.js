import { BodyMap } from '../bodymap.js';

/**
 * @typedef {import('../bodymap.js').Progress} Progress
 * @typedef {import('../bodymap.d.ts').LoadOptions['model']} ModelChoice
 */

/** The page's one BodyMap, loaded once; a load that failed is tried again when it is next asked for. */
export class Engine {
  /** @type {ModelChoice} */
  #model;
  /** @type {Promise<BodyMap> | null} */
  #loading = null;
  #aborter = new AbortController();
  /** @type {Promise<unknown>} The memory of the model before is free. */
  #isFree;
  #given;

  /**
   * @param {Promise<unknown>} isReady loading begins no earlier
   * @param {object} given
   * @param {(progress: Progress) => void} given.onProgress
   * @param {(bodymap: BodyMap) => void} given.onLoaded
   * @param {(error: unknown) => void} given.onFailed it may choose another model, which those who wait then get
   */
  constructor(isReady, given) {
    this.#isFree = isReady;
    this.#given = given;
  }

  /**
   * Another model from now on; what is done with the one before is stopped.
   *
   * @param {ModelChoice} model
   */
  use(model) {
    this.#model = model;
    this.#aborter.abort();
    this.#aborter = new AbortController();
    const before = this.#loading?.then((bodymap) => bodymap.dispose()).catch(() => {});
    this.#isFree = Promise.all([this.#isFree, before]);
    this.#loading = null;
  }

  /** @returns {Promise<BodyMap>} */
  async load() {
    const { signal } = this.#aborter;
    try {
      return await (this.#loading ??= this.#load(signal));
    } catch (error) {
      if (signal.aborted) return this.load();
      throw error;
    }
  }

  /** @param {AbortSignal} signal */
  async #load(signal) {
    const model = this.#model;
    await this.#isFree;
    try {
      const bodymap = await BodyMap.load({ model, signal, onProgress: this.#given.onProgress });
      if (!signal.aborted) this.#given.onLoaded(bodymap);
      return bodymap;
    } catch (error) {
      if (!signal.aborted) {
        this.#loading = null;
        this.#given.onFailed(error);
      }
      throw error;
    }
  }
}
