import { BodyMap } from '../bodymap.js';

/** @typedef {import('../bodymap.js').Progress} Progress */

/** The page's one BodyMap, loaded once; a load that failed is tried again when it is next asked for. */
export class Engine {
  /** @type {Promise<BodyMap> | null} */
  #loading = null;
  #isReady;
  #onProgress;

  /**
   * @param {Promise<unknown>} isReady loading begins no earlier
   * @param {(progress: Progress) => void} onProgress
   */
  constructor(isReady, onProgress) {
    this.#isReady = isReady;
    this.#onProgress = onProgress;
  }

  /** @returns {Promise<BodyMap>} */
  load() {
    this.#loading ??= this.#load().catch((error) => {
      this.#loading = null;
      throw error;
    });
    return this.#loading;
  }

  async #load() {
    await this.#isReady;
    return BodyMap.load({ onProgress: this.#onProgress });
  }
}
