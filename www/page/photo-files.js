/**
 * A photo that came in, with its path below the folder it came in with.
 *
 * @typedef {{ file: File, name: string }} PhotoFile
 */

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
  const found = (await Promise.all(entries.map((entry) => filesBelow(entry)))).flat();
  return found.map(({ file, name }) => ({ file, name: name.slice(base.length) }));
}

/**
 * The files of a chosen folder.
 *
 * @param {File[]} files
 * @returns {PhotoFile[]}
 */
export function filesOfFolder(files) {
  const all = files.map((file) => ({ file, name: file.webkitRelativePath.replace(/^[^/]*\//, '') }));
  return all.filter(isPhoto).sort(byName);
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
 * @returns {Promise<PhotoFile[]>} with full paths; in folders photos only
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
  const below = (await Promise.all(entries.map(filesBelow))).flat();
  return below.filter(isPhoto).sort(byName);
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
