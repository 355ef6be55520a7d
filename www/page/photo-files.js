import { BodyMapError } from '../api/error.js';

/**
 * A photo that came in, with its path below the folder it came in with.
 *
 * @typedef {{ file: File, name: string }} PhotoFile
 */

/**
 * A model that came in: a checkpoint to import, or a card and its files.
 *
 * @typedef {{ checkpoint: File } | { card: File, files: File[] }} ModelFiles
 */

const CARD = 'card.json';
const CHECKPOINT = /\.(pt|pth|bin|ckpt)$/i;

/**
 * The model among what came in, if there is one.
 *
 * @param {PhotoFile[]} files
 * @returns {ModelFiles | null}
 */
export function modelIn(files) {
  const only = files.length === 1 ? files[0].file : null;
  if (only && CHECKPOINT.test(only.name)) return { checkpoint: only };
  // By another name it is one only beside a network.
  const cards = files.filter(({ name }) => (files.some((other) => /\.onnx$/i.test(other.name)) ? /\.json$/i : /^card\.json$/).test(name));
  const card = cards.find(({ name }) => name === CARD) ?? (cards.length === 1 ? cards[0] : null);
  return card && { card: card.file, files: files.filter((other) => other !== card).map(({ file }) => file) };
}

/**
 * The files of a drop, those in dropped folders too. Called at once: the
 * browser forgets what was dropped when the event is over.
 *
 * @param {DataTransfer | null} data
 * @returns {Promise<PhotoFile[]>}
 */
export async function droppedFiles(data) {
  const items = [...(data?.items ?? [])];
  const entries = items.map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (!entries.some((entry) => entry.isDirectory)) return named([...(data?.files ?? [])]);
  const [only, ...others] = entries;
  // Of a single folder its own name is left out, as the command line does.
  const base = others.length === 0 ? `${only.fullPath}/` : '/';
  const found = entries.map(async (entry) => {
    const below = (await filesBelow(entry)).map(({ file, name }) => ({ file, name: name.slice(base.length) }));
    return entry.isFile || modelIn(below) ? below : below.filter(isPhoto).sort(byName);
  });
  try {
    return (await Promise.all(found)).flat();
  } catch (cause) {
    throw new BodyMapError('unreadable-file', `what was dropped could not be read: ${cause}`, cause);
  }
}

/**
 * The files of a chosen folder.
 *
 * @param {File[]} files
 * @returns {PhotoFile[]}
 */
export function filesOfFolder(files) {
  const all = files.map((file) => ({ file, name: file.webkitRelativePath.replace(/^[^/]*\//, '') }));
  return modelIn(all) ? all : all.filter(isPhoto).sort(byName);
}

/**
 * @param {File[]} files
 * @returns {PhotoFile[]}
 */
export function named(files) {
  return files.map((file) => ({ file, name: file.name }));
}

/**
 * @param {FileSystemEntry} entry
 * @returns {Promise<PhotoFile[]>} with full paths
 */
async function filesBelow(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => {
      /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject);
    });
    return [{ file, name: entry.fullPath }];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  /** @type {FileSystemEntry[]} */
  const entries = [];
  // It hands out a part at a time, at the end none.
  for (;;) {
    const part = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (part.length === 0) break;
    entries.push(...part);
  }
  return (await Promise.all(entries.map(filesBelow))).flat();
}

/** @param {PhotoFile} photo */
function isPhoto({ file, name }) {
  return file.type.startsWith('image/') && file.type !== 'image/svg+xml' && !/(^|\/)\./.test(name);
}

/**
 * @param {PhotoFile} a
 * @param {PhotoFile} b
 */
function byName(a, b) {
  return a.name < b.name ? -1 : 1;
}
