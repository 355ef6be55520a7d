import { byId } from './element.js';
import { droppedFiles, filesOfFolder, named } from './photo-files.js';

/** @typedef {import('./photo-files.js').PhotoFile} PhotoFile */

/**
 * Every way photos come in: chosen, as files or as a folder; dropped anywhere on the page; pasted.
 *
 * @param {(photos: PhotoFile[]) => void} onPhotos called with what came in, possibly nothing
 */
export function startIntake(onPhotos) {
  choose(byId('drop', HTMLButtonElement), byId('file', HTMLInputElement), (files) => onPhotos(named(files)));
  const folder = byId('folder', HTMLInputElement);
  choose(byId('choose-folder', HTMLButtonElement), folder, (files) => onPhotos(filesOfFolder(files)));
  byId('choose-folder', HTMLElement).hidden = !('webkitdirectory' in folder);

  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    document.documentElement.classList.add('is-dragging');
  });
  document.addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) document.documentElement.classList.remove('is-dragging');
  });
  document.addEventListener('drop', async (event) => {
    event.preventDefault();
    document.documentElement.classList.remove('is-dragging');
    onPhotos(await droppedFiles(event.dataTransfer));
  });
  document.addEventListener('paste', (event) => onPhotos(named([...(event.clipboardData?.files ?? [])])));
}

/**
 * @param {HTMLButtonElement} button
 * @param {HTMLInputElement} input
 * @param {(files: File[]) => void} onFiles
 */
function choose(button, input, onFiles) {
  button.addEventListener('click', () => input.click());
  input.addEventListener('change', () => {
    const files = [...(input.files ?? [])];
    // The same file may be chosen again.
    input.value = '';
    if (files.length > 0) onFiles(files);
  });
}
