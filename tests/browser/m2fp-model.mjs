import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

import { bodymap } from './label-map.mjs';

const FOLDER = fileURLToPath(new URL('../m2fp/', import.meta.url));

/** A tiny checkpoint of random weights in ModelScope's format; see tests/m2fp/README.md. */
export const CHECKPOINT = join(FOLDER, 'tiny-multi.pt');

/** The networks without weights that it fits, in place of the full ones. */
export const TEMPLATES = new Map(
  ['multi', 'single'].flatMap((name) =>
    ['json', 'onnx'].map((ending) => [`models/m2fp/${name}.${ending}`, readFileSync(`${FOLDER}tiny-${name}.${ending}`)]),
  ),
);

const scratch = mkdtempSync(join(tmpdir(), 'bodymap-m2fp-'));
after(() => rmSync(scratch, { recursive: true }));

/**
 * The model that the command line makes of the checkpoint.
 *
 * @param {'f16' | 'i8'} precision
 * @returns {Promise<string>} its folder
 */
export async function imported(precision) {
  const out = mkdtempSync(join(scratch, `${precision}-`));
  const template = join(FOLDER, 'tiny-multi.json');
  const options = ['--template', template, '--precision', precision, '--accept-licence'];
  await bodymap('model', 'import', CHECKPOINT, '--out', out, ...options);
  return out;
}

/**
 * The same in parts.
 *
 * @param {number} bytes size of a part
 * @returns {Promise<string>} its folder
 */
export async function split(bytes) {
  const [whole, out] = [await imported('f16'), mkdtempSync(join(scratch, 'parts-'))];
  await bodymap('model', 'split', join(whole, 'card.json'), '--out', out, '--part-bytes', `${bytes}`);
  return out;
}
