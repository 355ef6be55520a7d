import { byId, make } from './element.js';

/**
 * @typedef {import('../bodymap.js').Parsing} Parsing
 * @typedef {import('../bodymap.js').ExportOptions} ExportOptions
 */

/** Endings as the command line writes them. */
const ENDINGS = { labelmap: '.png', colormap: '.colormap.png', overlay: '.overlay.png', json: '.json' };

/**
 * @param {() => { parsing: Parsing, name: string, options: ExportOptions, opacity: number } | null} current what is shown
 * @param {(error: unknown) => void} onError
 */
export function startDownloads(current, onError) {
  for (const button of byId('downloads', HTMLElement).querySelectorAll('button')) {
    button.addEventListener('click', async () => {
      const shown = current();
      if (!shown || button.ariaBusy === 'true') return;
      button.ariaBusy = 'true';
      const format = /** @type {keyof typeof ENDINGS} */ (button.value);
      try {
        save(await shown.parsing.export(format, optionsFor(format, shown)), baseName(shown.name) + ENDINGS[format]);
      } catch (error) {
        onError(error);
      }
      button.ariaBusy = null;
    });
  }
}

/**
 * Pictures are saved as they are shown; label map and masks are always whole.
 *
 * @param {keyof typeof ENDINGS} format
 * @param {{ options: ExportOptions, opacity: number }} shown
 * @returns {ExportOptions}
 */
function optionsFor(format, { options, opacity }) {
  if (format === 'overlay') return { ...options, opacity };
  if (format === 'colormap') return options;
  return format === 'labelmap' ? { palette: options.palette } : {};
}

/** @param {string} fileName */
function baseName(fileName) {
  return fileName.replace(/\.[^.]*$/, '') || 'photo';
}

/**
 * @param {Blob} blob
 * @param {string} fileName
 */
function save(blob, fileName) {
  const href = URL.createObjectURL(blob);
  make('a', { href, download: fileName }).click();
  // The browser has taken hold of the blob by the next task.
  setTimeout(() => URL.revokeObjectURL(href));
}
