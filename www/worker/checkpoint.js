import { BodyMapError } from '../api/error.js';
import { download } from './download.js';
import { readAt } from './read-at.js';
import { storeModel } from './store-model.js';

/**
 * @typedef {import('./glue.d.ts').Glue} Glue
 * @typedef {import('./glue.d.ts').GlueCheckpointImport} GlueCheckpointImport
 */

/** The networks without weights: a card and an ONNX file each. */
const TEMPLATES = ['multi', 'single'];

/**
 * What a checkpoint would become.
 *
 * @param {Glue} glue
 * @param {string} templatesUrl folder
 * @param {Blob} checkpoint
 * @returns {Promise<import('../bodymap.d.ts').CheckpointInfo>}
 */
export async function inspectCheckpoint(glue, templatesUrl, checkpoint) {
  return using(await open(glue, templatesUrl, checkpoint), (opened) => JSON.parse(opened.info()));
}

/**
 * Makes a model of a checkpoint and keeps it on this device.
 *
 * @param {Glue} glue
 * @param {string} templatesUrl folder
 * @param {{ checkpoint: Blob, precision: string, licence: string }} wanted `licence`: name of the one that was accepted
 * @param {(fraction: number) => void} report
 */
export async function importCheckpoint(glue, templatesUrl, { checkpoint, precision, licence }, report) {
  report(0);
  return using(await open(glue, templatesUrl, checkpoint), (opened) => {
    const { name, url } = JSON.parse(opened.info()).card.licence;
    if (licence !== name) {
      throw new BodyMapError('licence-not-accepted', `the licence of these weights is ${name}, ${url}; accept it by that name`);
    }
    return storeModel((write) => opened.write(precision, write, report));
  });
}

/**
 * @param {Glue} glue
 * @param {string} templatesUrl
 * @param {Blob} checkpoint
 */
async function open(glue, templatesUrl, checkpoint) {
  const templates = await Promise.all(
    TEMPLATES.map(async (name) => {
      const [card, network] = await Promise.all(['json', 'onnx'].map((ending) => download(`${templatesUrl}${name}.${ending}`)));
      return /** @type {[string, Uint8Array]} */ ([await card.text(), new Uint8Array(await network.arrayBuffer())]);
    }),
  );
  return glue.CheckpointImport.open(checkpoint.size, readAt(checkpoint), templates);
}

/**
 * @template T
 * @param {GlueCheckpointImport} opened freed in any case
 * @param {(opened: GlueCheckpointImport) => T} use
 */
async function using(opened, use) {
  try {
    return await use(opened);
  } finally {
    opened.free();
  }
}
