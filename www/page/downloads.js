import { byId, make } from './element.js';

/**
 * @typedef {import('../bodymap.js').Parsing} Parsing
 * @typedef {import('../bodymap.js').ExportFormat} ExportFormat
 * @typedef {import('../bodymap.js').ExportOptions} ExportOptions
 */

/**
 * @param {() => Parsing | null} current what is shown
 * @param {(format: ExportFormat) => ExportOptions} optionsFor
 * @param {(error: unknown) => void} onError
 */
export function startDownloads(current, optionsFor, onError) {
  for (const button of byId('downloads', HTMLElement).querySelectorAll('button')) {
    button.addEventListener('click', async () => {
      const parsing = current();
      if (!parsing || button.ariaBusy === 'true') return;
      button.ariaBusy = 'true';
      const format = /** @type {ExportFormat} */ (button.value);
      try {
        save(await parsing.export(format, optionsFor(format)));
      } catch (error) {
        onError(error);
      }
      button.ariaBusy = null;
    });
  }
}

/** A busy browser takes hold of a file late; it keeps nothing of it longer than this. */
const HOLD_MS = 60_000;

/** @param {File} file */
export function save(file) {
  const href = URL.createObjectURL(file);
  make('a', { href, download: file.name }).click();
  setTimeout(() => URL.revokeObjectURL(href), HOLD_MS);
}
