import { BodyMapError } from './error.js';

/**
 * Models on this device, in the Origin Private File System: a folder each, with the model's
 * file and its card. The card is written last, so that it means that the model is complete.
 *
 * @typedef {import('../bodymap.d.ts').ModelCard} ModelCard
 * @typedef {import('../bodymap.d.ts').StoredModel} StoredModel
 */

const FOLDER = 'bodymap models';
export const CARD = 'card.json';
export const FILE = 'model.onnx';
/** Held while a model is being written; other tabs write here too. */
export const LOCK = 'bodymap models';

/** @returns {Promise<StoredModel[]>} */
export async function storedModels() {
  const models = await modelsFolder();
  // What an import that was stopped left behind, if none is running.
  await navigator.locks.request(LOCK, { ifAvailable: true }, async (lock) => {
    if (lock) await removeUnfinished(models);
  });
  const found = [];
  for await (const folder of folders(models)) {
    const card = await readCard(folder);
    if (card) found.push(describe(folder.name, card));
  }
  return found.sort((a, b) => (a.card.title < b.card.title ? -1 : 1));
}

/** @param {string} id */
export async function removeModel(id) {
  const models = await modelsFolder();
  try {
    await models.removeEntry(id, { recursive: true });
  } catch (cause) {
    if (/** @type {DOMException} */ (cause).name === 'NotFoundError') return;
    throw new BodyMapError('io', `the model could not be removed: ${cause}; close other tabs and try again`, cause);
  }
}

/**
 * @param {string} id
 * @returns {Promise<{ card: File, files: File[] }>}
 */
export async function storedModel(id) {
  const models = await modelsFolder();
  try {
    const folder = await models.getDirectoryHandle(id);
    const [card, file] = await Promise.all([CARD, FILE].map(async (name) => (await folder.getFileHandle(name)).getFile()));
    return { card, files: [file] };
  } catch (cause) {
    throw new BodyMapError('no-such-model', `there is no model ${JSON.stringify(id)} on this device; import it again`, cause);
  }
}

/** @returns {Promise<FileSystemDirectoryHandle>} */
export async function modelsFolder() {
  try {
    return await (await navigator.storage.getDirectory()).getDirectoryHandle(FOLDER, { create: true });
  } catch (cause) {
    throw new BodyMapError('storage-unavailable', 'this browser window keeps no files, so that no model can be kept', cause);
  }
}

/**
 * @param {FileSystemDirectoryHandle} models
 * @returns {AsyncIterable<FileSystemDirectoryHandle>}
 */
export async function* folders(models) {
  for await (const handle of models.values()) {
    if (handle.kind === 'directory') yield /** @type {FileSystemDirectoryHandle} */ (handle);
  }
}

/** @param {FileSystemDirectoryHandle} models */
export async function removeUnfinished(models) {
  for await (const folder of folders(models)) {
    if (await readCard(folder)) continue;
    // It may still be in use; then it is removed another time.
    await models.removeEntry(folder.name, { recursive: true }).catch(() => {});
  }
}

/**
 * The folder of a model with the same files.
 *
 * @param {FileSystemDirectoryHandle} models
 * @param {ModelCard} card
 */
export async function folderOf(models, { files: [{ sha256 }] }) {
  for await (const folder of folders(models)) {
    if ((await readCard(folder))?.files[0].sha256 === sha256) return folder;
  }
  return null;
}

/**
 * @param {FileSystemDirectoryHandle} folder
 * @returns {Promise<ModelCard | null>}
 */
async function readCard(folder) {
  try {
    return JSON.parse(await (await (await folder.getFileHandle(CARD)).getFile()).text());
  } catch {
    return null;
  }
}

/**
 * @param {string} id
 * @param {ModelCard} card
 * @returns {StoredModel}
 */
export function describe(id, card) {
  return { id, card, bytes: card.files.reduce((sum, file) => sum + file.bytes, 0) };
}
