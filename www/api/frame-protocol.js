/**
 * What a page and the one in its frame say to each other. The page posts a
 * {@link Hello} with one end of a MessageChannel to the frame's exact origin;
 * all else goes through the channel.
 *
 * @typedef {{ kind: typeof HELLO, protocol: number }} Hello
 * @typedef {{ ready: true } | { refused: Failure }} Welcome first message through the channel
 * @typedef {{ code: import('../bodymap.d.ts').ErrorCode, message: string }} Failure
 *
 * @typedef {object} ParseRequest
 * @property {Blob | ImageData} source
 * @property {string} [setting]
 * @property {number} [maxSide]
 * @property {import('../bodymap.d.ts').ExportFormat[]} formats
 * @property {import('../bodymap.d.ts').ExportOptions} options
 *
 * @typedef {{ id: number } & ({ op: 'load' } | { op: 'abort' } | ({ op: 'parse' } & ParseRequest))} Request
 *   `abort` bears the id of the request that is to end
 * @typedef {{ id: number, value?: any, error?: Failure, progress?: import('../bodymap.d.ts').Progress }} Answer
 */

export const HELLO = 'bodymap hello';
export const PROTOCOL = 1;
