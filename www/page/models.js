import { BodyMap, BodyMapError } from '../bodymap.js';
import { byId, make } from './element.js';
import { say, sayAttributes } from './i18n.js';
import { remember, remembered } from './storage.js';

/**
 * @typedef {import('./engine.js').ModelChoice} ModelChoice
 * @typedef {import('../bodymap.d.ts').ModelCard} ModelCard
 * @typedef {import('../bodymap.d.ts').StoredModel} StoredModel
 * @typedef {import('../bodymap.js').Progress} Progress
 *
 * @typedef {object} Entry
 * @property {string} id
 * @property {ModelChoice} model
 * @property {ModelCard | null} card null if it is not known before the model is loaded
 * @property {'site' | 'stored' | 'visit'} kind where it is: on the page's server, on this device, in files of the reader's
 */

const REMEMBERED = 'bodymap.model';
const DEFAULT = 'default';
/** Below `models/`, as an address can name it: `?model=m2fp`. */
const FOLDER = /^[A-Za-z0-9_-][\w.-]*$/;

/** The choice between the models there are, and their removal. */
export class Models {
  #list = byId('model-list', HTMLUListElement);
  #progress = byId('model-progress', HTMLElement);
  #given;
  /** @type {Entry[]} */
  #entries = [{ id: DEFAULT, model: DEFAULT, card: null, kind: 'site' }];
  #chosen = DEFAULT;

  /**
   * @param {object} given
   * @param {(model: ModelChoice) => void} given.onChoose another model was chosen
   * @param {(error: unknown) => void} given.onError
   */
  constructor(given) {
    this.#given = given;
    byId('model-cancel', HTMLButtonElement).addEventListener('click', () => this.choose(DEFAULT));
  }

  /**
   * Lists what is on this device and finds the one that was chosen in an earlier visit.
   *
   * @returns {Promise<ModelChoice>}
   */
  async start() {
    const folder = new URLSearchParams(location.search).get('model') ?? DEFAULT;
    if (FOLDER.test(folder) && folder !== DEFAULT) {
      this.#entries.push({ id: folder, model: folder, card: null, kind: 'site' });
      this.#chosen = folder;
    }
    // Where the browser keeps no files there are none.
    const stored = await BodyMap.storedModels().catch(() => []);
    this.#entries.push(...stored.map(entryOf));
    const before = this.#entries.find(({ id }) => id === remembered(REMEMBERED));
    if (this.#chosen === DEFAULT && before) this.#chosen = before.id;
    this.#show();
    return this.#current.model;
  }

  get isDefault() {
    return this.#chosen === DEFAULT;
  }

  /** @param {StoredModel} stored */
  add(stored) {
    this.#entries = [...this.#entries.filter(({ id }) => id !== stored.id), entryOf(stored)];
    this.choose(stored.id);
  }

  /**
   * A model in files of the reader's, for this visit.
   *
   * @param {File} card
   * @param {File[]} files among which are those that the card names
   */
  async addFiles(card, files) {
    const { json, ordered } = await filesOf(card, files);
    const id = `visit ${this.#entries.length}`;
    this.#entries.push({ id, model: { card, files: ordered }, card: json, kind: 'visit' });
    this.choose(id);
  }

  /** @param {string} id */
  choose(id) {
    this.#select(id);
    this.#given.onChoose(this.#current.model);
  }

  /**
   * The chosen model cannot be had: the default one is chosen in its place.
   *
   * @returns {ModelChoice}
   */
  fallBack() {
    this.#select(DEFAULT);
    return DEFAULT;
  }

  /** @param {ModelCard} card of the chosen model, which is loaded */
  showLoaded(card) {
    this.#progress.hidden = true;
    if (this.#current.card) return;
    this.#current.card = card;
    this.#show();
  }

  /** @param {number} fraction of the chosen model that is there */
  showProgress(fraction) {
    this.#progress.hidden = this.isDefault;
    byId('model-bar', HTMLProgressElement).value = fraction;
    say(byId('model-share', HTMLElement), 'models.loading', { percent: Math.round(100 * fraction) });
  }

  get #current() {
    return /** @type {Entry} */ (this.#entries.find(({ id }) => id === this.#chosen));
  }

  /** @param {string} id */
  #select(id) {
    this.#chosen = id;
    this.#progress.hidden = true;
    remember(REMEMBERED, id);
    this.#show();
  }

  #show() {
    this.#list.replaceChildren(...this.#entries.map((entry) => this.#row(entry)));
  }

  /** @param {Entry} entry */
  #row({ id, card, kind }) {
    const radio = make('input', { type: 'radio', name: 'model', value: id, checked: id === this.#chosen });
    radio.addEventListener('change', () => {
      this.choose(id);
      // The list has been made anew.
      /** @type {HTMLElement | null} */ (this.#list.querySelector(':checked'))?.focus();
    });
    const title = make('strong', { textContent: card?.title ?? id });
    if (id === DEFAULT) say(title, 'models.default');
    const about = make('small');
    if (card) {
      const bytes = card.files.reduce((sum, file) => sum + file.bytes, 0);
      say(about, `models.${kind}`, { size: bytes / 1e6, licence: card.licence.name });
    }
    const row = make('li', {}, make('label', {}, radio, make('span', {}, title, about)));
    if (kind === 'stored') row.append(this.#remover(id, card?.title ?? id));
    return row;
  }

  /**
   * @param {string} id
   * @param {string} title
   */
  #remover(id, title) {
    const button = make('button', { type: 'button', className: 'quiet' });
    say(button, 'models.remove');
    sayAttributes(button, 'aria-label:models.remove-named', { title });
    button.addEventListener('click', async () => {
      try {
        await BodyMap.removeModel(id);
      } catch (error) {
        return this.#given.onError(error);
      }
      const wasChosen = id === this.#chosen;
      this.#entries = this.#entries.filter((entry) => entry.id !== id);
      if (wasChosen) this.choose(DEFAULT);
      else this.#show();
      byId('add-model', HTMLButtonElement).focus();
    });
    return button;
  }
}

/**
 * @param {StoredModel} stored
 * @returns {Entry}
 */
function entryOf({ id, card }) {
  return { id, model: { stored: id }, card, kind: 'stored' };
}

/**
 * @param {File} card
 * @param {File[]} files
 * @returns {Promise<{ json: ModelCard, ordered: File[] }>}
 */
async function filesOf(card, files) {
  /** @type {ModelCard} */
  let json;
  try {
    json = JSON.parse(await card.text());
    if (!Array.isArray(json.files) || typeof json.licence.name !== 'string') throw new TypeError('it names no files or no licence');
  } catch (cause) {
    throw new BodyMapError('bad-card', `${card.name} is not a model card: ${cause}`, cause);
  }
  const ordered = json.files.map(({ path }) => {
    const file = files.find(({ name }) => name === path);
    if (file) return file;
    throw new BodyMapError('model-files-missing', `${card.name} names ${path}, which is not among the files; choose all of them`);
  });
  return { json, ordered };
}
