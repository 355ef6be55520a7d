/** Milliseconds between two looks at an address, each of which takes about one. */
const PAUSE = 50;

/**
 * How the page tells a worker that computes, and so hears no messages, to stop: by
 * a number other than 0 where memory can be shared, else by revoking a blob's address.
 *
 * @typedef {{ flag: Int32Array } | { url: string }} StopSign
 */

/**
 * @param {StopSign} sign
 * @returns {() => boolean} whether the work is to stop; once true it stays so
 */
export function stopAsked(sign) {
  if ('flag' in sign) return () => Atomics.load(sign.flag, 0) !== 0;
  // A policy of the page may forbid to look: then the worker can only be terminated.
  if (!isThere(sign.url)) return () => false;
  let asked = false;
  let next = 0;
  return () => {
    if (!asked && performance.now() >= next) {
      asked = !isThere(sign.url);
      next = performance.now() + PAUSE;
    }
    return asked;
  };
}

/** @param {string} url */
function isThere(url) {
  const request = new XMLHttpRequest();
  try {
    request.open('GET', url, false);
    request.send();
    return request.status === 200;
  } catch {
    return false;
  }
}
