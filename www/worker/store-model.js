import { BodyMapError } from '../api/error.js';
import { CARD, FILE, LOCK, describe, folderOf, modelsFolder, removeUnfinished } from '../api/stored-models.js';

/**
 * @typedef {import('../bodymap.d.ts').ModelCard} ModelCard
 * @typedef {import('../bodymap.d.ts').StoredModel} StoredModel
 */

/**
 * Keeps a model on this device, unless it is kept already.
 *
 * @param {(write: (part: Uint8Array<ArrayBuffer>) => void) => string} fill writes the model's file and returns its card
 * @returns {Promise<StoredModel>}
 */
export async function storeModel(fill) {
  try {
    return await navigator.locks.request(LOCK, () => store(fill));
  } catch (error) {
    // Creating, writing and closing a file may all meet the end of the room.
    if (!(error instanceof DOMException)) throw error;
    if (error.name !== 'QuotaExceededError') throw new BodyMapError('io', `the model could not be written: ${error}`, error);
    throw new BodyMapError('storage-full', 'there is no room on this device for the model; remove another one', error);
  }
}

/**
 * @param {Parameters<typeof storeModel>[0]} fill
 * @returns {Promise<StoredModel>}
 */
async function store(fill) {
  const models = await modelsFolder();
  await removeUnfinished(models);
  const folder = await models.getDirectoryHandle(crypto.randomUUID(), { create: true });
  try {
    const cardJson = await writeFile(folder, FILE, fill);
    const card = /** @type {ModelCard} */ (JSON.parse(cardJson));
    const same = await folderOf(models, card);
    if (same) {
      await models.removeEntry(folder.name, { recursive: true });
      return describe(same.name, card);
    }
    await writeFile(folder, CARD, (write) => write(new TextEncoder().encode(cardJson)));
    return describe(folder.name, card);
  } catch (error) {
    await models.removeEntry(folder.name, { recursive: true }).catch(() => {});
    throw error;
  }
}

/**
 * @template T
 * @param {FileSystemDirectoryHandle} folder
 * @param {string} name
 * @param {(write: (part: Uint8Array<ArrayBuffer>) => void) => T} fill
 */
async function writeFile(folder, name, fill) {
  const handle = await (await folder.getFileHandle(name, { create: true })).createSyncAccessHandle();
  let at = 0;
  /** @type {unknown} */
  let failure = null;
  try {
    return fill((part) => {
      try {
        at += handle.write(part, { at });
      } catch (error) {
        failure = error;
        throw error;
      }
    });
  } catch (error) {
    // The engine says only that writing failed.
    throw failure ?? error;
  } finally {
    handle.close();
  }
}
