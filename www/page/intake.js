import { byId } from './element.js';
import { droppedFiles, filesOfFolder, modelIn, named } from './photo-files.js';

/**
 * @typedef {import('./photo-files.js').PhotoFile} PhotoFile
 * @typedef {import('./photo-files.js').ModelFiles} ModelFiles
 */

/**
 * Every way photos and models come in: chosen, as files or as a folder; dropped anywhere on the page; pasted.
 *
 * @param {(photos: PhotoFile[]) => void} onPhotos called with what came in, possibly nothing
 * @param {(model: ModelFiles | null) => void} onModel
 * @param {(error: unknown) => void} onError called if what was dropped cannot be read
 */
export function startIntake(onPhotos, onModel, onError) {
  let came = 0;
  const onFiles = (/** @type {PhotoFile[]} */ files) => {
    came++;
    const model = modelIn(files);
    if (model) onModel(model);
    else onPhotos(files);
  };
  choose(byId('drop', HTMLButtonElement), byId('file', HTMLInputElement), (files) => onFiles(named(files)));
  const folder = byId('folder', HTMLInputElement);
  choose(byId('choose-folder', HTMLButtonElement), folder, (files) => onFiles(filesOfFolder(files)));
  choose(byId('add-model', HTMLButtonElement), byId('model-file', HTMLInputElement), (files) => onModel(modelIn(named(files))));
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
    const mine = ++came;
    try {
      const files = await droppedFiles(event.dataTransfer);
      // A large folder is read while other photos may come in, which then count.
      if (mine === came) onFiles(files);
    } catch (error) {
      if (mine === came) onError(error);
    }
  });
  document.addEventListener('paste', (event) => onFiles(named([...(event.clipboardData?.files ?? [])])));
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
