/**
 * What the reader chose in an earlier visit.
 *
 * @param {string} key
 */
export function remembered(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    // Storage is blocked.
    return null;
  }
}

/**
 * @param {string} key
 * @param {string} choice
 */
export function remember(key, choice) {
  try {
    localStorage.setItem(key, choice);
  } catch {
    // Storage is blocked; the choice holds for this visit.
  }
}
