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
  const models = await modelsFolder();
  return navigator.locks.request(LOCK, async () => {
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
  });
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
    if (!failure) throw error;
    const full = /** @type {DOMException} */ (failure).name === 'QuotaExceededError';
    if (full) throw new BodyMapError('storage-full', `there is no room for the model: it stopped after ${at} bytes`, failure);
    throw new BodyMapError('io', `the model could not be written: ${failure}`, failure);
  } finally {
    handle.close();
  }
}
