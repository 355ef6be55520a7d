import { BodyMapError } from './api/error.js';
import { lease } from './api/shared-engine.js';

/**
 * @typedef {import('./bodymap.d.ts').Parsing} Parsing
 * @typedef {import('./bodymap.d.ts').Progress} Progress
 * @typedef {import('./body-map.d.ts').BodyMapElement} Declared
 */

/** Attributes whose change means another result. */
const PARSED = ['src', 'setting', 'max-side', 'model', 'model-url', 'wasm-url', 'worker-url', 'threads'];
/** Attributes whose change means another picture of the same result. */
const PAINTED = ['palette', 'opacity', 'classes', 'person'];

const STYLE = `
  :host { display: inline-block; position: relative; max-width: 100%; overflow: hidden; }
  :host([hidden]), [hidden] { display: none !important; }
  img, canvas { display: block; width: 100%; height: auto; }
  .colormap { position: absolute; inset: 0; height: 100%; }
  .busy { position: absolute; inset: auto 0 0; padding: 8px 12px; background: Canvas; color: CanvasText; font-size: 0.875rem; }
  progress { display: block; width: 100%; margin-top: 4px; }
  .failure { margin: 0; padding: 8px 12px; background: Canvas; color: CanvasText; border-inline-start: 4px solid currentColor; }
`;

/** @type {CSSStyleSheet | undefined} A constructed sheet needs no permission of the page's CSP. */
let sheet;

function styleSheet() {
  sheet ??= new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  return sheet;
}

// On a server there are no elements; there the class can be imported, but not used.
const Base = /** @type {typeof HTMLElement} */ (globalThis.HTMLElement ?? Object);

/** @implements {Declared} */
export class BodyMapElement extends Base {
  static observedAttributes = [...PARSED, ...PAINTED, 'alt'];

  #internals = this.attachInternals();
  /** The file at `src`, as the browser shows it, until it has been read. */
  #image = make('img', 'photo');
  /** The photo as it is parsed. */
  #photo = make('canvas', 'photo');
  #colormap = make('canvas', 'colormap');
  #busy = make('div', 'busy');
  #progress = make('progress', 'progress');
  #failure = make('p', 'failure');
  /** Holds what is said when the page has no words of its own. */
  #failureText = make('slot');

  /** @type {Blob | null} */
  #file = null;
  /** @type {Parsing | null} */
  #parsing = null;
  /** @type {import('./bodymap.js').BodyMap | null} */
  #bodymap = null;
  /** @type {import('./api/shared-engine.js').Lease | null} */
  #lease = null;
  /** @type {AbortController | null} */
  #run = null;
  /** @type {'parse' | 'paint' | null} What the attributes that changed in this task ask for. */
  #due = null;
  /** The parsing has not been shown yet. */
  #isNew = false;
  /** The attributes have changed since what is shown was painted. */
  #isStale = false;
  #isPainting = false;
  /** @type {'empty' | 'loading' | 'done' | 'error'} */
  #state = 'empty';

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    root.adoptedStyleSheets = [styleSheet()];
    this.#photo.setAttribute('role', 'img');
    this.#colormap.className = 'colormap';
    this.#colormap.setAttribute('aria-hidden', 'true');
    this.#busy.className = 'busy';
    this.#busy.setAttribute('role', 'status');
    const busyText = make('slot');
    busyText.name = 'busy';
    busyText.textContent = 'Looking for body parts and clothes';
    this.#progress.setAttribute('aria-hidden', 'true');
    this.#busy.append(busyText, this.#progress);
    this.#failure.className = 'failure';
    this.#failure.setAttribute('role', 'alert');
    this.#failureText.name = 'failure';
    this.#failure.append(this.#failureText);
    root.append(this.#image, this.#photo, this.#colormap, this.#busy, this.#failure);
    this.#describe();
    this.#image.hidden = this.#photo.hidden = true;
    this.#show('empty');
  }

  get src() {
    return this.getAttribute('src') ?? '';
  }

  set src(url) {
    this.setAttribute('src', url);
  }

  get alt() {
    return this.getAttribute('alt') ?? '';
  }

  set alt(text) {
    this.setAttribute('alt', text);
  }

  get file() {
    return this.#file;
  }

  set file(file) {
    this.#file = file;
    this.#schedule('parse');
  }

  get parsing() {
    return this.#parsing;
  }

  get bodymap() {
    return this.#bodymap;
  }

  get state() {
    return this.#state;
  }

  connectedCallback() {
    if (!this.#run) this.#schedule('parse');
  }

  disconnectedCallback() {
    // An element that is only moved goes on.
    queueMicrotask(() => {
      if (!this.isConnected) this.#stop();
    });
  }

  /** @param {string} name */
  attributeChangedCallback(name) {
    if (name === 'alt') this.#describe();
    else this.#schedule(PARSED.includes(name) ? 'parse' : 'paint');
  }

  /** @param {'parse' | 'paint'} what */
  #schedule(what) {
    if (!this.#due) {
      queueMicrotask(() => {
        const due = this.#due;
        this.#due = null;
        if (!this.isConnected) return;
        if (due === 'parse') this.#parse();
        else this.#paint();
      });
    }
    if (this.#due !== 'parse') this.#due = what;
  }

  async #parse() {
    this.#stop();
    if (!this.#file && !this.src) return;
    const { signal } = (this.#run = new AbortController());
    this.#show('loading');
    const onProgress = this.#onProgress.bind(this);
    const onPhoto = this.#showPhoto.bind(this);
    try {
      const file = this.#file ?? (await fetchPhoto(this.src, signal));
      signal.throwIfAborted();
      // What a visitor brings may take any amount of memory; it is shown when its size is known.
      if (file !== this.#file) this.#showImage(file);
      this.#lease = lease(this.#choice(), onProgress);
      const bodymap = await this.#lease.bodymap;
      signal.throwIfAborted();
      const setting = this.getAttribute('setting') ?? undefined;
      const parsing = await bodymap.parse(file, { setting, maxSide: this.#number('max-side'), signal, onProgress, onPhoto });
      signal.throwIfAborted();
      [this.#bodymap, this.#parsing, this.#isNew] = [bodymap, parsing, true];
      this.#paint();
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
    }
  }

  /** Paints until what is shown is what the attributes say. */
  async #paint() {
    this.#isStale = true;
    if (this.#isPainting) return;
    this.#isPainting = true;
    while (this.#isStale && this.#parsing) {
      this.#isStale = false;
      const parsing = this.#parsing;
      try {
        await parsing.paint(this.#colormap, this.#options());
        if (parsing === this.#parsing) this.#painted(parsing);
      } catch (error) {
        if (parsing === this.#parsing) this.#fail(error);
      }
    }
    this.#isPainting = false;
  }

  /** @param {Parsing} parsing */
  #painted(parsing) {
    this.#show('done');
    if (!this.#isNew) return;
    this.#isNew = false;
    this.dispatchEvent(new CustomEvent('load', { detail: parsing }));
  }

  #stop() {
    this.#run?.abort();
    this.#run = null;
    this.#lease?.end();
    this.#lease = null;
    this.#parsing = null;
    this.#bodymap = null;
    this.#clearImage();
    this.#photo.width = this.#photo.height = 0;
    this.#photo.hidden = true;
    this.#show('empty');
  }

  /** @param {Progress} progress */
  #onProgress(progress) {
    const { stage, fraction } = progress;
    if (stage === 'model' || stage === 'inference') this.#progress.value = fraction;
    else this.#progress.removeAttribute('value');
    this.dispatchEvent(new CustomEvent('progress', { detail: progress }));
  }

  /** @param {Blob} file */
  #showImage(file) {
    this.#image.src = URL.createObjectURL(file);
    this.#image.hidden = false;
  }

  #clearImage() {
    URL.revokeObjectURL(this.#image.src);
    this.#image.removeAttribute('src');
    this.#image.hidden = true;
  }

  /** @param {ImageBitmap} photo is closed */
  #showPhoto(photo) {
    this.#clearImage();
    const { width, height } = photo;
    Object.assign(this.#photo, { width, height, hidden: false });
    this.#photo.getContext('2d')?.drawImage(photo, 0, 0);
    photo.close();
  }

  /** Says what the photo shows; without words it is decoration, as an image with an empty `alt` is. */
  #describe() {
    this.#image.alt = this.alt;
    this.#photo.setAttribute('aria-label', this.alt);
    this.#photo.setAttribute('aria-hidden', String(!this.alt));
  }

  /** @param {unknown} error */
  #fail(error) {
    this.#failureText.textContent = /** @type {Error} */ (error).message;
    this.#show('error');
    this.dispatchEvent(new CustomEvent('error', { detail: error }));
  }

  /** @param {'empty' | 'loading' | 'done' | 'error'} state */
  #show(state) {
    this.#busy.hidden = state !== 'loading';
    this.#colormap.hidden = state !== 'done';
    this.#failure.hidden = state !== 'error';
    this.#state = state;
    try {
      this.#internals.states.clear();
      this.#internals.states.add(state);
    } catch {
      // Older browsers have no states, or want other names; the property is there.
    }
  }

  #choice() {
    const attribute = (/** @type {string} */ name) => this.getAttribute(name) ?? undefined;
    return {
      model: attribute('model'),
      modelUrl: attribute('model-url'),
      wasmUrl: attribute('wasm-url'),
      workerUrl: attribute('worker-url'),
      threads: this.#number('threads'),
    };
  }

  /** @returns {import('./bodymap.d.ts').PaintOptions} */
  #options() {
    const palette = /** @type {'cihp' | 'voc' | undefined} */ (this.getAttribute('palette') ?? undefined);
    return { palette, opacity: this.#number('opacity') ?? 0.6, person: this.#number('person'), classes: this.#classes() };
  }

  #classes() {
    const list = this.getAttribute('classes');
    return list?.split(',').map((word) => {
      const name = word.trim();
      const found = this.#bodymap?.classes.find((one) => `${one.id}` === name || one.name === name);
      if (!found) throw new BodyMapError('bad-option', `the model has no class ${name}`);
      return found.id;
    });
  }

  /**
   * @param {string} name of an attribute
   * @returns {number | undefined} what is no number is as good as missing, as in all of HTML
   */
  #number(name) {
    const text = this.getAttribute(name)?.trim();
    return text && Number.isFinite(Number(text)) ? Number(text) : undefined;
  }
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {string} [part]
 */
function make(tag, part) {
  const element = document.createElement(tag);
  if (part) element.setAttribute('part', part);
  return element;
}

/**
 * @param {string} src
 * @param {AbortSignal} signal
 */
async function fetchPhoto(src, signal) {
  const url = address(src);
  try {
    const response = await fetch(url, { signal });
    if (!response.ok) throw new Error(`HTTP status ${response.status}`);
    const blob = await response.blob();
    return new File([blob], nameOf(url), { type: blob.type });
  } catch (cause) {
    signal.throwIfAborted();
    throw new BodyMapError('download-failed', `the photo ${url.href} could not be fetched: ${cause}`, cause);
  }
}

/** @param {string} src relative to the page */
function address(src) {
  try {
    return new URL(src, document.baseURI);
  } catch (cause) {
    throw new BodyMapError('bad-option', `${src} is not a URL`, cause);
  }
}

/**
 * Name of the file at an address, if it has one.
 *
 * @param {URL} url
 */
function nameOf({ protocol, pathname }) {
  if (protocol === 'data:') return '';
  const name = pathname.split('/').pop() ?? '';
  try {
    return decodeURIComponent(name);
  } catch {
    // A lone percent sign, or escapes that are not of UTF-8.
    return name;
  }
}

globalThis.customElements?.define('body-map', BodyMapElement);
