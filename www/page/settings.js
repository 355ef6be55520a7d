import { showChoice } from './choice.js';
import { byId } from './element.js';
import { hasText } from './i18n.js';
import { remember, remembered } from './storage.js';

const REMEMBERED = 'bodymap.setting';

/** The choice between the settings of the model, such as fast and fine. */
export class Settings {
  #box = byId('settings', HTMLFieldSetElement);
  #onChange;
  /** @type {string | undefined} The model's default one if nothing else is known. */
  chosen;
  /** @type {string[]} Settings of the model. */
  ids = [];

  /** @param {() => void} onChange */
  constructor(onChange) {
    this.#onChange = onChange;
  }

  /** @param {string[]} ids settings of the model, the default one first */
  show(ids) {
    if (`${ids}` === `${this.ids}`) return;
    this.ids = ids;
    this.chosen = ids.find((id) => id === remembered(REMEMBERED)) ?? ids[0];
    this.#list();
  }

  /** @param {string} id of a setting of the model */
  choose(id) {
    this.chosen = id;
    remember(REMEMBERED, id);
    this.#list();
    this.#onChange();
  }

  #list() {
    const { ids, chosen } = this;
    // Where there is no choice none is shown.
    this.#box.hidden = ids.length < 2;
    const options = ids.map((id) => {
      const [key, hint] = [`settings.${id}`, `settings.${id}.hint`];
      // Settings of other models have no texts here.
      return hasText(key) ? { value: id, key, hint } : { value: id, key: id };
    });
    showChoice(this.#box, options, /** @type {string} */ (chosen), (id) => {
      this.chosen = id;
      remember(REMEMBERED, id);
      this.#onChange();
    });
  }
}
