import { byId, make } from './element.js';
import { hasText, say, sayAttributes, text } from './i18n.js';

/**
 * @typedef {import('../bodymap.js').Parsing} Parsing
 * @typedef {import('../bodymap.js').Class} Class
 * @typedef {import('../bodymap.js').ExportOptions} ExportOptions
 * @typedef {Class['color']} Color
 */

const BACKGROUND = 0;

/** The classes found in the photo: share, colour, and whether each is shown. */
export class Legend {
  #list = byId('legend', HTMLUListElement);
  #reset = byId('reset-colours', HTMLButtonElement);
  /** @type {Class[]} */
  #classes = [];
  /** @type {Color[]} The reader's colours; they stay from photo to photo. */
  #palette = [];
  /** @type {Set<number>} Classes that are switched off. */
  #hidden = new Set();
  /** @type {Parsing | null} */
  #parsing = null;
  #onChange;
  #onPoint;

  /**
   * @param {() => void} onChange what is shown has changed
   * @param {(id: number | null) => void} onPoint a class is pointed out, or none any more
   */
  constructor(onChange, onPoint) {
    this.#onChange = onChange;
    this.#onPoint = onPoint;
    byId('all', HTMLButtonElement).addEventListener('click', () => this.#switchAll(true));
    byId('none', HTMLButtonElement).addEventListener('click', () => this.#switchAll(false));
    this.#reset.addEventListener('click', () => this.#resetColours());
  }

  /** What is shown, as paint and export options. */
  get options() {
    /** @type {ExportOptions} */
    const options = this.#palette.length > 0 ? { palette: this.#palette } : {};
    if (this.#hidden.size > 0) {
      options.classes = this.#classes.map(({ id }) => id).filter((id) => !this.#hidden.has(id));
    }
    return options;
  }

  /**
   * Name and colour of a class; null for the background.
   *
   * @param {number} id
   */
  describe(id) {
    if (id === BACKGROUND) return null;
    return { name: text(nameKey(this.#classes[id].name)), color: hex(this.#palette[id]) };
  }

  /**
   * @param {Parsing} parsing
   * @param {Class[]} classes its label set
   */
  show(parsing, classes) {
    if (!classes.every(({ name }, id) => name === this.#classes[id]?.name)) {
      this.#palette = classes.map(({ color }) => color);
      this.#reset.hidden = true;
    }
    this.#classes = classes;
    this.#parsing = parsing;
    this.#hidden.clear();
    this.showPerson();
  }

  /**
   * Shows the classes of one person, shares counted within it; or those of the whole photo.
   *
   * @param {number} [person]
   */
  showPerson(person) {
    if (!this.#parsing) return;
    const shares = sharesOf(this.#parsing, this.#classes.length, person);
    const found = this.#classes.filter(({ id }) => id !== BACKGROUND && shares[id] > 0);
    found.sort((a, b) => shares[b.id] - shares[a.id]);
    this.#list.replaceChildren(...found.map((of) => this.#row(of, shares[of.id])));
    const background = byId('background', HTMLElement);
    background.hidden = person !== undefined;
    say(/** @type {Element} */ (background.querySelector('.share')), 'legend.share', { percent: percentOf(shares[BACKGROUND]) });
    byId('nobody', HTMLElement).hidden = found.length > 0;
    for (const id of ['all', 'none']) byId(id, HTMLElement).hidden = found.length === 0;
  }

  /** @returns {number} of classes listed */
  get size() {
    return this.#list.childElementCount;
  }

  /**
   * @param {Class} of
   * @param {number} share
   */
  #row({ id, name }, share) {
    const box = make('input', { type: 'checkbox', checked: !this.#hidden.has(id) });
    box.addEventListener('change', () => {
      this.#switch(id, box.checked);
      this.#onChange();
    });

    const label = make('span', { className: 'name' });
    say(label, nameKey(name));

    const swatch = make('input', { type: 'color', value: hex(this.#palette[id]) });
    sayAttributes(swatch, 'aria-label:legend.colour', { name: { key: nameKey(name) } });

    const percent = make('span', { className: 'share' });
    say(percent, 'legend.share', { percent: percentOf(share) });

    const row = make('li', {}, make('label', {}, box, label), percent, swatch);
    row.dataset.class = String(id);
    row.style.setProperty('--share', String(share));
    row.style.setProperty('--colour', hex(this.#palette[id]));
    swatch.addEventListener('input', () => this.#recolour(id, swatch.value, row));
    row.addEventListener('pointerenter', () => this.#onPoint(id));
    row.addEventListener('pointerleave', () => this.#onPoint(null));
    row.addEventListener('focusin', ({ target }) => {
      if (/** @type {Element} */ (target).matches(':focus-visible')) this.#onPoint(id);
    });
    row.addEventListener('focusout', () => this.#onPoint(null));
    return row;
  }

  /**
   * @param {number} id
   * @param {string} colour
   * @param {HTMLElement} row
   */
  #recolour(id, colour, row) {
    this.#palette = this.#palette.with(id, rgb(colour));
    row.style.setProperty('--colour', colour);
    this.#reset.hidden = false;
    this.#onChange();
  }

  #resetColours() {
    this.#palette = this.#classes.map(({ color }) => color);
    for (const row of /** @type {HTMLCollectionOf<HTMLElement>} */ (this.#list.children)) {
      const colour = hex(this.#palette[Number(row.dataset.class)]);
      row.style.setProperty('--colour', colour);
      /** @type {HTMLInputElement} */ (row.querySelector('[type=color]')).value = colour;
    }
    this.#reset.hidden = true;
    byId('all', HTMLButtonElement).focus();
    this.#onChange();
  }

  /** @param {boolean} on */
  #switchAll(on) {
    for (const row of /** @type {HTMLCollectionOf<HTMLElement>} */ (this.#list.children)) {
      /** @type {HTMLInputElement} */ (row.querySelector('[type=checkbox]')).checked = on;
      this.#switch(Number(row.dataset.class), on);
    }
    this.#onChange();
  }

  /**
   * @param {number} id
   * @param {boolean} on
   */
  #switch(id, on) {
    if (on) this.#hidden.delete(id);
    else this.#hidden.add(id);
  }
}

/**
 * @param {Parsing} parsing
 * @param {number} classes
 * @param {number} [person]
 * @returns {number[]} part of the pixels, or of the person's, that each class has, 0 to 1
 */
function sharesOf({ labels, people }, classes, person) {
  const counts = new Array(classes).fill(0);
  if (person === undefined) for (const label of labels) counts[label]++;
  else people.forEach((of, i) => of === person && counts[labels[i]]++);
  const pixels = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => count / pixels);
}

/** @param {number} share */
function percentOf(share) {
  return share < 0.001 ? '< 0.1' : Math.round(1000 * share) / 10;
}

/** @param {string} name English name, from the label set */
function nameKey(name) {
  const key = `class.${name}`;
  return hasText(key) ? key : name;
}

/** @param {Color} color */
function hex(color) {
  return `#${color.map((value) => value.toString(16).padStart(2, '0')).join('')}`;
}

/**
 * @param {string} colour `#rrggbb`
 * @returns {Color}
 */
function rgb(colour) {
  const value = parseInt(colour.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}
