import { showChoice } from './choice.js';
import { byId } from './element.js';

/** @typedef {import('../bodymap.js').Parsing} Parsing */

const EVERYONE = 'everyone';

/** The choice between everyone and one of the people in the photo; shown if there are several. */
export class People {
  #box = byId('people', HTMLFieldSetElement);
  #onChange;
  #onPoint;
  /** @type {number | undefined} Id of the one person to show. */
  #chosen;
  /** People in the photo. */
  count = 0;

  /**
   * @param {() => void} onChange
   * @param {(person: number | null) => void} onPoint a person is pointed out, or none any more
   */
  constructor(onChange, onPoint) {
    this.#onChange = onChange;
    this.#onPoint = onPoint;
  }

  /** Who is shown, as paint and export options. */
  get options() {
    return this.#chosen === undefined ? {} : { person: this.#chosen };
  }

  /** @param {Parsing} parsing */
  show({ segments }) {
    const ids = [...new Set(segments.map(({ person }) => person))].filter((id) => id > 0).sort((a, b) => a - b);
    this.#chosen = undefined;
    this.count = ids.length;
    this.#box.hidden = ids.length < 2;
    if (this.#box.hidden) return;
    const options = ids.map((id) => ({
      value: String(id),
      key: 'people.number',
      values: { person: id },
    }));
    const labels = showChoice(this.#box, [{ value: EVERYONE, key: 'people.everyone' }, ...options], EVERYONE, (value) => {
      this.#chosen = value === EVERYONE ? undefined : Number(value);
      this.#onChange();
    });
    for (const [i, label] of labels.slice(1).entries()) {
      label.addEventListener('pointerenter', () => this.#onPoint(ids[i]));
      label.addEventListener('pointerleave', () => this.#onPoint(null));
    }
  }
}
