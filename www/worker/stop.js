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
 * @param {() => boolean} [isWatched] whether an address is worth looking at: a signal may abort the work
 * @returns {() => boolean} whether the work is to stop; once true it stays so
 */
export function stopAsked(sign, isWatched = () => true) {
  if ('flag' in sign) return () => Atomics.load(sign.flag, 0) !== 0;
  let asked = false;
  let next = 0;
  /** @type {boolean | null} Not if a policy of the page forbids it: then the worker can only be terminated. */
  let canLook = null;
  return () => {
    if (asked || performance.now() < next || !isWatched()) return asked;
    const there = isThere(sign.url);
    canLook ??= there;
    asked = canLook && !there;
    next = canLook ? performance.now() + PAUSE : Infinity;
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
