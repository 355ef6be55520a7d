import { showChoice } from './choice.js';
import { byId } from './element.js';
import { say, text } from './i18n.js';

/**
 * @typedef {import('../bodymap.d.ts').StoredModel} StoredModel
 * @typedef {import('../bodymap.d.ts').CheckpointInfo} CheckpointInfo
 */

/** Offered: full quality, and less of everything. */
const PRECISIONS = /** @type {const} */ (['f16', 'i8']);

/** A checkpoint on its way to a model: its licence, the size, the work. */
export class ModelImport {
  #dialog = byId('import', HTMLDialogElement);
  #accept = byId('import-accept', HTMLInputElement);
  #start = byId('import-start', HTMLButtonElement);
  #engine;
  #given;
  #aborter = new AbortController();
  /** @type {File | null} */
  #checkpoint = null;
  #licence = '';
  /** @type {'f16' | 'i8'} */
  #precision = 'f16';

  /**
   * @param {() => Promise<import('../bodymap.js').BodyMap>} engine
   * @param {object} given
   * @param {(model: StoredModel) => void} given.onImported
   * @param {(error: unknown) => void} given.onError
   */
  constructor(engine, given) {
    this.#engine = engine;
    this.#given = given;
    byId('import-cancel', HTMLButtonElement).addEventListener('click', () => this.#dialog.close());
    this.#dialog.addEventListener('close', () => this.#aborter.abort());
    this.#accept.addEventListener('change', () => (this.#start.disabled = !this.#accept.checked));
    this.#start.addEventListener('click', () => this.#import());
  }

  /**
   * Looks into the checkpoint and asks for the reader's consent.
   *
   * @param {File} checkpoint
   */
  async open(checkpoint) {
    this.#aborter.abort();
    const { signal } = (this.#aborter = new AbortController());
    try {
      const bodymap = await this.#engine();
      const info = await bodymap.inspectCheckpoint(checkpoint, { signal });
      const room = await freeBytes();
      if (signal.aborted) return;
      this.#checkpoint = checkpoint;
      this.#ask(info, info.bytes.f16 > room);
    } catch (error) {
      if (!signal.aborted) this.#given.onError(error);
    }
  }

  /**
   * @param {CheckpointInfo} info
   * @param {boolean} isTight there is no room for the full quality
   */
  #ask({ card, bytes, ignored }, isTight) {
    const { title, licence } = card;
    this.#licence = licence.name;
    byId('import-model', HTMLElement).textContent = title;
    Object.assign(byId('import-licence', HTMLAnchorElement), { href: licence.url, textContent: licence.name });
    byId('import-attribution', HTMLElement).textContent = licence.attribution;
    byId('import-ignored', HTMLElement).hidden = ignored.length === 0;
    byId('import-ignored-list', HTMLElement).textContent = ignored.join(', ');
    const options = PRECISIONS.map((value) => ({ value, key: `import.${value}`, values: { size: bytes[value] / 1e6 } }));
    this.#precision = isTight ? 'i8' : 'f16';
    showChoice(byId('import-precision', HTMLFieldSetElement), options, this.#precision, (value) => {
      this.#precision = /** @type {'f16' | 'i8'} */ (value);
    });
    this.#accept.checked = false;
    this.#start.disabled = true;
    this.#show('form');
    byId('import-tight', HTMLElement).hidden = !isTight;
    this.#dialog.showModal();
  }

  async #import() {
    const { signal } = this.#aborter;
    const checkpoint = /** @type {File} */ (this.#checkpoint);
    this.#show('progress');
    try {
      const bodymap = await this.#engine();
      const onProgress = (/** @type {{ fraction: number }} */ { fraction }) => this.#showProgress(fraction);
      const options = { licence: this.#licence, precision: this.#precision, signal, onProgress };
      const model = await bodymap.importCheckpoint(checkpoint, options);
      this.#dialog.close();
      this.#given.onImported(model);
    } catch (error) {
      if (signal.aborted) return;
      if (/** @type {{ code?: string }} */ (error).code === 'storage-full' && this.#precision === 'f16') return this.#offerSmaller();
      this.#dialog.close();
      this.#given.onError(error);
    }
  }

  #offerSmaller() {
    this.#show('form');
    byId('import-tight', HTMLElement).hidden = false;
    /** @type {HTMLInputElement} */ (this.#dialog.querySelector('[value=i8]')).click();
  }

  /** @param {number} fraction */
  #showProgress(fraction) {
    byId('import-bar', HTMLProgressElement).value = fraction;
    byId('import-share', HTMLElement).textContent = text('import.share', { percent: Math.round(100 * fraction) });
  }

  /** @param {'form' | 'progress'} part */
  #show(part) {
    byId('import-form', HTMLElement).hidden = part !== 'form';
    byId('import-progress', HTMLElement).hidden = part !== 'progress';
    this.#start.hidden = part !== 'form';
    if (part === 'progress') {
      this.#showProgress(0);
      say(byId('import-stage', HTMLElement), 'stage.import');
      byId('import-cancel', HTMLButtonElement).focus();
    }
  }
}

/** Bytes that the browser lets this site still keep, as far as it tells. */
async function freeBytes() {
  const { quota = Infinity, usage = 0 } = (await navigator.storage?.estimate?.().catch(() => null)) ?? {};
  return quota - usage;
}
