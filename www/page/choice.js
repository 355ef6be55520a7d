import { make } from './element.js';
import { say, sayAttributes } from './i18n.js';

/**
 * @typedef {object} Option
 * @property {string} value
 * @property {string} key of its text
 * @property {import('./i18n.js').Values} [values] of its text
 * @property {string} [hint] key of what is told on hovering
 */

/**
 * Fills a fieldset with radio buttons, one of them chosen.
 *
 * @param {HTMLFieldSetElement} box keeps its legend
 * @param {Option[]} options
 * @param {string} chosen value
 * @param {(value: string) => void} onChoose
 * @returns {HTMLLabelElement[]} one for each option
 */
export function showChoice(box, options, chosen, onChoose) {
  const labels = options.map(({ value, key, values, hint }) => {
    const button = make('input', { type: 'radio', name: box.id, value, checked: value === chosen });
    button.addEventListener('change', () => onChoose(value));
    const name = make('span');
    say(name, key, values);
    const label = make('label', {}, button, name);
    if (hint) sayAttributes(label, `title:${hint}`);
    return label;
  });
  for (const label of box.querySelectorAll('label')) label.remove();
  box.append(...labels);
  return labels;
}
