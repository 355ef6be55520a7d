/**
 * Calls of a slow task of which only the newest matters: while one runs, the
 * last of those that come in waits, the others are dropped.
 *
 * @template T
 * @param {(input: T) => Promise<void>} task
 * @returns {(input: T) => Promise<void>}
 */
export function latest(task) {
  /** @type {{ input: T } | null} */
  let waiting = null;
  let running = false;
  return async (input) => {
    waiting = { input };
    if (running) return;
    running = true;
    try {
      while (waiting) {
        const next = waiting;
        waiting = null;
        await task(next.input);
      }
    } finally {
      running = false;
    }
  };
}
