import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { inflateSync } from 'node:zlib';

import { SAMPLES } from './browser.mjs';

const BIN = process.env.BODYMAP_BIN ?? fileURLToPath(new URL('../../target/release/bodymap', import.meta.url));

/** File names of the sample photos. */
export const samples = (await readdir(SAMPLES)).filter((name) => /^[^.]+\.(jpg|png)$/.test(name));

/** @type {Map<string, Promise<string>>} Folders of native results, by the command line that made them. */
const parsed = new Map();

/**
 * The file that the native binary writes for a photo.
 *
 * @param {string} photo a sample, or the path of another photo
 * @param {string} [ending]
 * @param {string[]} [options] of the command line
 */
export async function native(photo, ending = '.png', options = []) {
  const command = ['parse', resolve(SAMPLES, photo), ...options];
  const key = command.join(' ');
  const folder = parsed.get(key) ?? parseNatively(command);
  parsed.set(key, folder);
  return readFile(join(await folder, basename(photo).replace(/\.\w+$/, ending)));
}

after(async () => {
  for (const folder of parsed.values()) await rm(await folder, { recursive: true });
});

/** @param {string[]} command */
async function parseNatively(command) {
  const out = await mkdtemp(join(tmpdir(), 'bodymap-'));
  await bodymap(...command, '--out', out);
  return out;
}

/**
 * Runs the native binary.
 *
 * @param {string[]} command
 */
export function bodymap(...command) {
  return promisify(execFile)(BIN, command);
}

/**
 * Reads an indexed PNG with one byte a pixel, which is what label maps and people maps are.
 *
 * @param {Buffer} png
 * @returns {{ width: number, height: number, labels: Buffer, palette: Buffer }}
 */
export function readLabelMap(png) {
  assert.equal(png.toString('latin1', 0, 8), '\x89PNG\r\n\x1a\n');
  /** @type {Map<string, Buffer[]>} */
  const chunks = new Map();
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) {
    const type = png.toString('latin1', at + 4, at + 8);
    const data = png.subarray(at + 8, at + 8 + png.readUInt32BE(at));
    chunks.set(type, [...(chunks.get(type) ?? []), data]);
  }
  const [header] = chunks.get('IHDR') ?? [];
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  assert.deepEqual([...header.subarray(8, 13)], [8, 3, 0, 0, 0], 'not an indexed PNG of 8 bits');
  const rows = inflateSync(Buffer.concat(chunks.get('IDAT') ?? []));
  const labels = Buffer.alloc(width * height);
  for (let y = 0; y < height; y++) unfilter(rows.subarray(y * (width + 1), (y + 1) * (width + 1)), labels, y * width);
  return { width, height, labels, palette: Buffer.concat(chunks.get('PLTE') ?? []) };
}

/**
 * @param {Buffer} row filter type, then filtered bytes
 * @param {Buffer} out
 * @param {number} start of the row in `out`
 */
function unfilter(row, out, start) {
  const width = row.length - 1;
  for (let x = 0; x < width; x++) {
    const left = x > 0 ? out[start + x - 1] : 0;
    const up = start > 0 ? out[start + x - width] : 0;
    const corner = x > 0 && start > 0 ? out[start + x - width - 1] : 0;
    out[start + x] = row[x + 1] + predict(row[0], left, up, corner);
  }
}

/**
 * @param {number} filter
 * @param {number} left
 * @param {number} up
 * @param {number} corner
 */
function predict(filter, left, up, corner) {
  if (filter < 3) return [0, left, up][filter];
  if (filter === 3) return (left + up) >> 1;
  const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

/**
 * @param {Buffer} a label map PNG
 * @param {Buffer} b label map PNG
 * @returns {number} part of the pixels with the same class
 */
export function agreement(a, b) {
  const [one, two] = [readLabelMap(a), readLabelMap(b)];
  assert.deepEqual([one.width, one.height], [two.width, two.height]);
  let same = 0;
  for (let i = 0; i < one.labels.length; i++) if (one.labels[i] === two.labels[i]) same++;
  return same / one.labels.length;
}
