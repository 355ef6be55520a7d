/**
 * Calls of a slow task of which only the newest matters: while one runs, the
 * last of those that come in waits, the others are dropped. A task that fails
 * does so for its own caller alone.
 *
 * @template T
 * @param {(input: T) => Promise<void>} task
 * @returns {(input: T) => Promise<void>} settled when the task has run, or another one in its place
 */
export function latest(task) {
  /** @type {Promise<void>} */
  let before = Promise.resolve();
  let newest = 0;
  return (input) => {
    const mine = ++newest;
    const run = before.then(() => (mine === newest ? task(input) : undefined));
    before = run.catch(() => {});
    return run;
  };
}
