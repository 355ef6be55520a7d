/** @typedef {import('../bodymap.d.ts').ErrorCode} ErrorCode */

/** An error with a stable code for programs and an English sentence for people. */
export class BodyMapError extends Error {
  /**
   * @param {ErrorCode} code
   * @param {string} message what was wrong with which input, and what to do
   * @param {unknown} [cause]
   */
  constructor(code, message, cause) {
    super(message, { cause });
    this.name = /** @type {const} */ ('BodyMapError');
    this.code = code;
  }
}
