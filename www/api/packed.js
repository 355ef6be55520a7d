import { BodyMapError } from './error.js';

/**
 * @typedef {import('../bodymap.d.ts').Segment} Segment
 * @typedef {import('../bodymap.d.ts').Instance} Instance
 * @typedef {import('../bodymap.d.ts').Timings} Timings
 *
 * @typedef {object} Parts what a parsing is made of
 * @property {number} width
 * @property {number} height
 * @property {string} labelSet
 * @property {Uint8Array<ArrayBuffer>} labels
 * @property {Uint16Array<ArrayBuffer>} people
 * @property {Segment[]} segments
 * @property {Instance[]} instances
 * @property {Timings} timings
 */

const KIND = 'bodymap parsing 1';

/**
 * A parsing as a small blob: gzip of a line of JSON, the labels, and the people
 * as two planes of bytes, the low ones first.
 *
 * @param {Parts} parts
 * @returns {Promise<Blob>}
 */
export async function pack({ width, height, labelSet, labels, people, segments, instances, timings }) {
  const header = JSON.stringify({ kind: KIND, width, height, labelSet, segments, instances, timings });
  // Planes are shorter when compressed than pairs.
  const planes = [0, 8].map((shift) => Uint8Array.from(people, (person) => person >> shift));
  return through(new Blob([`${header}\n`, labels, ...planes]), new CompressionStream('gzip'));
}

/**
 * @param {Blob} blob made by {@link pack}
 * @returns {Promise<Parts>}
 */
export async function unpack(blob) {
  try {
    const bytes = new Uint8Array(await (await through(blob, new DecompressionStream('gzip'))).arrayBuffer());
    const body = bytes.indexOf(10) + 1;
    const { kind, ...header } = JSON.parse(new TextDecoder().decode(bytes.subarray(0, body)));
    const pixels = header.width * header.height;
    if (kind !== KIND || bytes.length !== body + 3 * pixels) throw new Error('it has another kind or size');
    const plane = (/** @type {number} */ n) => bytes.subarray(body + n * pixels, body + (n + 1) * pixels);
    const [low, high] = [plane(1), plane(2)];
    return { ...header, labels: plane(0).slice(), people: Uint16Array.from(low, (value, i) => value | (high[i] << 8)) };
  } catch (cause) {
    throw new BodyMapError('bad-option', `this is not a packed parsing: ${cause}`, cause);
  }
}

/**
 * @param {Blob} blob
 * @param {GenericTransformStream} stream
 */
function through(blob, stream) {
  const { readable, writable } = /** @type {ReadableWritablePair<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>} */ (stream);
  return new Response(blob.stream().pipeThrough({ readable, writable })).blob();
}
