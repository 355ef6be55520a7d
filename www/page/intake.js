import { byId } from './element.js';

/**
 * Every way a photo comes in: chosen, dropped anywhere on the page, pasted.
 *
 * @param {(files: File[]) => void} onFiles called with what came in, possibly nothing
 */
export function startIntake(onFiles) {
  const button = byId('drop', HTMLButtonElement);
  const input = byId('file', HTMLInputElement);

  button.addEventListener('click', () => input.click());
  input.addEventListener('change', () => {
    const files = [...(input.files ?? [])];
    // The same file may be chosen again.
    input.value = '';
    if (files.length > 0) onFiles(files);
  });

  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    document.documentElement.classList.add('is-dragging');
  });
  document.addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) document.documentElement.classList.remove('is-dragging');
  });
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    document.documentElement.classList.remove('is-dragging');
    onFiles([...(event.dataTransfer?.files ?? [])]);
  });
  document.addEventListener('paste', (event) => onFiles([...(event.clipboardData?.files ?? [])]));
}
