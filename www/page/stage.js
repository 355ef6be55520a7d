import { startDivider } from './divider.js';
import { MAX_SHOWN_SIDE } from '../api/limits.js';
import { byId } from './element.js';
import { latest } from './latest.js';
import { startUnderPointer } from './under-pointer.js';

/**
 * @typedef {import('../bodymap.js').Parsing} Parsing
 * @typedef {import('../bodymap.js').PaintOptions} PaintOptions
 */

const FIRST_DIVIDE = 38;

/** The picture: photo, colours over it, the class that is pointed out, the divider. */
export class Stage {
  #picture = byId('picture', HTMLElement);
  #photo = byId('photo', HTMLCanvasElement);
  #colormap = byId('colormap', HTMLCanvasElement);
  #highlight = byId('highlight', HTMLCanvasElement);
  #moveDivider = startDivider(this.#picture, byId('divider', HTMLElement));
  /** @type {Parsing | null} */
  #parsing = null;

  /**
   * @param {(id: number, person: number) => { name: string, color: string } | null} describe a class of a person; null for the background
   * @param {(error: unknown) => void} onError
   */
  constructor(describe, onError) {
    startUnderPointer(this.#picture, byId('under-pointer', HTMLElement), (x, y) => this.#classAt(x, y, describe));
    const opacity = byId('opacity', HTMLInputElement);
    const apply = () => this.#picture.style.setProperty('--strength', String(Number(opacity.value) / 100));
    opacity.addEventListener('input', apply);
    apply();

    const paint = latest((/** @type {PaintOptions} */ options) => this.#paint(this.#colormap, options));
    this.paint = (/** @type {PaintOptions} */ options) => paint(options).catch(onError);
    const point = latest((/** @type {PaintOptions | null} */ options) => this.#pointOut(options));
    this.pointOut = (/** @type {PaintOptions | null} */ options) => point(options).catch(onError);
  }

  /** Strength of the colours, 0 to 1. */
  get opacity() {
    return Number(byId('opacity', HTMLInputElement).value) / 100;
  }

  /**
   * Shows the photo alone.
   *
   * @param {ImageBitmap} photo as it is parsed; is closed
   */
  showPhoto(photo) {
    this.clear();
    const { width, height } = photo;
    Object.assign(this.#photo, { width, height });
    this.#photo.getContext('2d')?.drawImage(photo, 0, 0);
    photo.close();
    this.#picture.style.setProperty('--ratio', String(width / height));
  }

  /** @param {Parsing} parsing of the photo that is shown */
  showParsing(parsing) {
    this.#parsing = parsing;
    this.#moveDivider(FIRST_DIVIDE);
  }

  clear() {
    this.clearParsing();
    this.#photo.width = this.#photo.height = 0;
  }

  /** Leaves the photo alone. */
  clearParsing() {
    this.#parsing = null;
    for (const canvas of [this.#colormap, this.#highlight]) canvas.width = canvas.height = 0;
    this.#picture.classList.remove('is-pointing');
    this.#moveDivider(100);
  }

  /** @param {PaintOptions | null} options of the one class to point out, or none */
  async #pointOut(options) {
    if (options) await this.#paint(this.#highlight, options);
    this.#picture.classList.toggle('is-pointing', options !== null);
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {PaintOptions} options
   */
  async #paint(canvas, options) {
    const parsing = this.#parsing;
    if (!parsing) return;
    const scale = Math.min(1, MAX_SHOWN_SIDE / Math.max(parsing.width, parsing.height));
    const next = document.createElement('canvas');
    await parsing.paint(next, { ...options, width: parsing.width * scale, height: parsing.height * scale });
    // The photo may have been replaced meanwhile.
    if (parsing !== this.#parsing) return;
    canvas.width = next.width;
    canvas.height = next.height;
    canvas.getContext('2d')?.drawImage(next, 0, 0);
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {(id: number, person: number) => { name: string, color: string } | null} describe
   */
  #classAt(x, y, describe) {
    if (!this.#parsing) return null;
    const { width, height, labels, people } = this.#parsing;
    const pixel = Math.floor(y * height) * width + Math.floor(x * width);
    return describe(labels[pixel], people[pixel]);
  }
}
