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
 * @property {ReturnType<typeof setTimeout> | undefined} timer until it is disposed of
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
  clearTimeout(shared.timer);
  shared.listeners.add(onProgress);
  return {
    bodymap: shared.loading,
    end() {
      shared.listeners.delete(onProgress);
      shared.users--;
      if (shared.users > 0) return;
      shared.timer = setTimeout(() => {
        forget(key, shared);
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
  /** @type {Shared} */
  const shared = { loading, listeners, users: 0, timer: undefined };
  engines.set(key, shared);
  // The next user tries again.
  loading.catch(() => forget(key, shared));
  return shared;
}

/**
 * A newer engine may have taken the place of this one.
 *
 * @param {string} key
 * @param {Shared} shared
 */
function forget(key, shared) {
  if (engines.get(key) === shared) engines.delete(key);
}
