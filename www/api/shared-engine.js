import { BodyMap } from '../bodymap.js';

/**
 * @typedef {import('../bodymap.d.ts').LoadOptions} LoadOptions
 * @typedef {import('../bodymap.d.ts').Progress} Progress
 * @typedef {Pick<LoadOptions, 'model' | 'wasmUrl' | 'workerUrl' | 'modelUrl' | 'threads'>} Choice
 *
 * @typedef {object} Shared
 * @property {Promise<BodyMap>} loading
 * @property {Set<(progress: Progress) => void>} listeners
 * @property {number} users
 *
 * @typedef {object} Lease
 * @property {Promise<BodyMap>} bodymap
 * @property {() => void} end to be called once
 */

/** Milliseconds that an engine nobody uses is kept, for elements that come and go. */
const KEEP = 10_000;

/** @type {Map<string, Shared>} By what was chosen. */
const engines = new Map();

/**
 * A BodyMap that all users of the page who choose the same share. It is
 * disposed of some time after the last of them has ended its lease.
 *
 * @param {Choice} choice
 * @param {(progress: Progress) => void} onProgress told about loading
 * @returns {Lease}
 */
export function lease(choice, onProgress) {
  const key = JSON.stringify(choice);
  const shared = engines.get(key) ?? start(key, choice);
  shared.users++;
  shared.listeners.add(onProgress);
  return {
    bodymap: shared.loading,
    end() {
      shared.listeners.delete(onProgress);
      shared.users--;
      setTimeout(() => {
        if (shared.users > 0 || engines.get(key) !== shared) return;
        engines.delete(key);
        shared.loading.then(
          (bodymap) => bodymap.dispose(),
          () => {},
        );
      }, KEEP);
    },
  };
}

/**
 * @param {string} key
 * @param {Choice} choice
 */
function start(key, choice) {
  /** @type {Shared['listeners']} */
  const listeners = new Set();
  const onProgress = (/** @type {Progress} */ progress) => listeners.forEach((listener) => listener(progress));
  const loading = BodyMap.load({ ...choice, onProgress });
  const shared = { loading, listeners, users: 0 };
  engines.set(key, shared);
  // The next user tries again.
  loading.catch(() => engines.delete(key));
  return shared;
}
