import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDER = new URL('../models/people/', import.meta.url);

/** A photo of three people drawn so that the test model's answer is known; see tests/models/make_people.py. */
export const PHOTO = fileURLToPath(new URL('photo.png', FOLDER));
/** The people map that was drawn with it. */
export const DRAWN = readFileSync(new URL('people.png', FOLDER));
/** Options of the command line for the test model. */
export const OPTIONS = ['--model', fileURLToPath(new URL('card.json', FOLDER)), '--formats', 'labels,people'];

const card = JSON.parse(readFileSync(new URL('card.json', FOLDER), 'utf8'));
const network = readFileSync(new URL(card.files[0].path, FOLDER));
card.files[0].path = 'default.onnx';

/**
 * Puts the test model in the place of the default one.
 *
 * @param {string} path
 * @param {Buffer} body
 */
export function withPeopleModel(path, body) {
  if (path === 'models/default/card.json') return Buffer.from(JSON.stringify(card));
  return path === 'models/default/default.onnx' ? network : body;
}
