import { Batch } from './batch.js';
import { save } from './downloads.js';
import { byId, make } from './element.js';
import { hasText, say, text } from './i18n.js';

/**
 * @typedef {import('./batch.js').Entry} Entry
 * @typedef {import('./engine.js').Engine} Engine
 * @typedef {import('./photo-files.js').PhotoFile} PhotoFile
 * @typedef {import('../bodymap.js').ExportFormat} ExportFormat
 * @typedef {import('../bodymap.js').ExportOptions} ExportOptions
 */

/** The list of many photos, how each fares, and their download as one file. */
export class BatchView {
  #engine;
  #given;
  /** @type {Batch | null} */
  #batch = null;
  /** @type {Map<Entry, HTMLElement>} */
  #rows = new Map();
  #summary = byId('batch-summary', HTMLElement);
  #bar = byId('batch-bar', HTMLProgressElement);
  #pause = byId('batch-pause', HTMLButtonElement);
  #format = byId('batch-format', HTMLSelectElement);
  #download = byId('batch-download', HTMLButtonElement);

  /**
   * @param {Engine} engine
   * @param {object} given
   * @param {() => string | undefined} given.setting in use
   * @param {(format: ExportFormat) => ExportOptions} given.optionsFor
   * @param {(entry: Entry) => void} given.onOpen a photo that is done is to be shown
   * @param {() => void} given.onClose
   * @param {(error: unknown) => void} given.onError
   */
  constructor(engine, given) {
    this.#engine = engine;
    this.#given = given;
    this.#pause.addEventListener('click', () => {
      if (this.#batch?.isPaused) this.#batch.run();
      else this.#batch?.pause();
    });
    byId('batch-close', HTMLButtonElement).addEventListener('click', () => {
      this.close();
      given.onClose();
    });
    this.#download.addEventListener('click', () => this.#export());
  }

  get isOpen() {
    return this.#batch !== null;
  }

  /** @param {PhotoFile[]} photos */
  open(photos) {
    this.#batch?.stop();
    const batch = new Batch(photos, this.#engine, this.#given.setting, (entry) => {
      if (batch === this.#batch) this.#show(entry);
    });
    this.#batch = batch;
    this.#rows = new Map(batch.entries.map((entry) => [entry, this.#row(entry)]));
    byId('batch-list', HTMLOListElement).replaceChildren(...this.#rows.values());
    for (const entry of batch.entries) this.#show(entry);
    batch.run();
  }

  /** Parses all photos once more. */
  restart() {
    this.#batch?.restart();
  }

  close() {
    this.#batch?.stop();
    this.#batch = null;
    this.#rows.clear();
    byId('batch-list', HTMLOListElement).replaceChildren();
  }

  /**
   * The parsing of a photo that is done.
   *
   * @param {Entry} entry
   */
  parsing(entry) {
    return /** @type {Batch} */ (this.#batch).parsing(entry);
  }

  /** @param {Entry} entry */
  #row(entry) {
    const name = make('span', { className: 'name', textContent: entry.name, title: entry.name });
    const button = make('button', { type: 'button' }, name, make('span', { className: 'state' }));
    button.addEventListener('click', () => this.#given.onOpen(entry));
    return make('li', {}, button);
  }

  /** @param {Entry | null} entry that has changed */
  #show(entry) {
    if (entry) this.#showEntry(entry);
    const batch = /** @type {Batch} */ (this.#batch);
    const [done, failed, total] = [batch.count('done'), batch.count('failed'), batch.entries.length];
    say(this.#summary, failed > 0 ? 'batch.summary-failed' : 'batch.summary', { done, failed, total });
    this.#bar.max = total;
    this.#bar.value = done + failed;
    this.#pause.disabled = batch.isDone;
    say(this.#pause, batch.isPaused ? 'batch.continue' : 'batch.pause');
    this.#download.disabled = done === 0;
  }

  /** @param {Entry} entry */
  #showEntry(entry) {
    const row = /** @type {HTMLElement} */ (this.#rows.get(entry));
    row.dataset.state = entry.state;
    /** @type {HTMLButtonElement} */ (row.querySelector('button')).disabled = entry.state !== 'done';
    const state = /** @type {HTMLElement} */ (row.querySelector('.state'));
    const { people, classes } = entry;
    if (entry.state === 'failed') {
      const { code, message } = /** @type {Error & { code?: string }} */ (entry.error);
      row.dataset.code = code ?? 'unknown';
      row.title = message;
      say(state, hasText(`error.${code}`) ? `error.${code}` : 'error.unknown');
    } else if (entry.state !== 'done') {
      say(state, entry.state === 'working' ? 'batch.working' : 'batch.waiting');
    } else if (people > 1) {
      say(state, 'batch.found-people', {
        people: { key: 'count.people', count: people },
        classes: { key: 'count.classes', count: classes },
      });
    } else if (classes > 0) {
      say(state, 'count.classes', { count: classes });
    } else {
      say(state, 'legend.nobody');
    }
  }

  async #export() {
    const batch = this.#batch;
    if (!batch || this.#download.ariaBusy === 'true') return;
    const format = /** @type {ExportFormat} */ (this.#format.value);
    this.#download.ariaBusy = 'true';
    const total = batch.count('done');
    try {
      const tell = (/** @type {number} */ done) => say(this.#download, 'batch.packing', { done, total });
      tell(0);
      save(await batch.export(format, this.#given.optionsFor(format), tell));
    } catch (error) {
      this.#given.onError(error);
    }
    say(this.#download, 'batch.download');
    this.#download.ariaBusy = null;
  }
}

/** Fills the choice of formats with those of the single photo. */
export function fillBatchFormats() {
  const buttons = byId('downloads', HTMLElement).querySelectorAll('button');
  const options = Array.from(buttons, ({ value, dataset }) => {
    const option = make('option', { value, textContent: text(dataset.i18n ?? '') });
    option.dataset.i18n = dataset.i18n;
    return option;
  });
  byId('batch-format', HTMLSelectElement).replaceChildren(...options);
}
