import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const DEFAULT = fileURLToPath(new URL('../../models/default/card.json', import.meta.url));
/** The photo whose input tensors a card is asked for. */
const PHOTO = { width: 720, height: 1280 };
/** Without a card: what ImageNet's networks, M2FP and SegFormer use. */
const NORMALISATION = { mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375] };

/**
 * A network in one input size. Its forms compute the same in other operators; each may be split over several files.
 *
 * @typedef {{ name: string, files: string[] }} Form
 * @typedef {{ id: string, forms: Form[], width: number, height: number, mean: number[], std: number[] }} Model
 */

/**
 * What a `--model` stands for: `FILE[,FILE...][@WIDTHxHEIGHT[,...]]`, each FILE a form: an ONNX file, a model card, or
 * `default`. The sizes are those of the first card for a photo of 720x1280 if left out.
 *
 * @param {string} argument
 * @returns {{ models: Model[], missing?: string }}
 */
export function readModels(argument) {
  const [, names, sizes] = /^(.+?)(?:@(\d+x\d+(?:,\d+x\d+)*))?$/.exec(argument) ?? [];
  const paths = names.split(',').map((name) => (name === 'default' ? DEFAULT : name));
  let missing = paths.find((path) => !existsSync(path));
  if (missing !== undefined) return { models: [], missing };
  const cards = paths.map((path) => (path.endsWith('.json') ? JSON.parse(readFileSync(path, 'utf8')) : null));
  const forms = paths.map((path, i) => ({
    name: cards[i]?.id ?? basename(path, '.onnx'),
    files: cards[i]?.files.map((/** @type {{ path: string }} */ file) => join(dirname(path), file.path)) ?? [path],
  }));
  missing = forms.flatMap(({ files }) => files).find((file) => !existsSync(file));
  if (missing !== undefined) return { models: [], missing };

  const card = cards.find((found) => found);
  const { mean, std } = card?.input ?? NORMALISATION;
  const id = forms[0].name;
  const wanted = sizes ? sizes.split(',').map((size) => ({ id, size })) : sizesOf(card);
  if (wanted.length === 0) throw new Error(`--model ${argument}: without a card it needs a size, @WIDTHxHEIGHT`);
  const models = wanted.map(({ id: name, size }) => {
    const [width, height] = size.split('x').map(Number);
    return { id: name, forms, width, height, mean, std };
  });
  return { models };
}

/**
 * The input sizes of a card, each with the settings that use it.
 *
 * @param {any} card
 */
function sizesOf(card) {
  /** @type {Map<string, Set<string>>} */
  const settings = new Map();
  for (const setting of card?.settings ?? []) {
    for (const pass of setting.passes) {
      const size = inputSize(pass.size).join('x');
      settings.set(size, (settings.get(size) ?? new Set()).add(setting.id));
    }
  }
  return [...settings].map(([size, ids]) => ({ id: `${card.id} (${[...ids].join(', ')})`, size }));
}

/**
 * The size rule of a card, as src/tensor.rs has it.
 *
 * @param {{ rule: string, width: number, height: number, short: number, max: number, multiple: number }} size
 */
function inputSize({ rule, width, height, short, max, multiple }) {
  if (rule !== 'short_side') return [width, height];
  const sides = [PHOTO.width, PHOTO.height];
  const scale = Math.min(short / Math.min(...sides), max / Math.max(...sides));
  return sides.map((side) => multiple * Math.ceil(Math.max(1, Math.floor(side * scale + 0.5)) / multiple));
}
