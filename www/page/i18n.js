import { remember, remembered } from './storage.js';

/** @typedef {{ [name: string]: number | string | { key: string } }} Values a `key` is itself translated */

const LANGUAGES = ['en', 'zh'];
const TAGS = { en: 'en', zh: 'zh-Hans' };
const REMEMBERED = 'bodymap.language';

/** @type {{ [key: string]: string }} */
let texts = {};
/** @type {'en' | 'zh'} */
let language = 'en';

/** @type {WeakMap<Element, Values>} */
const valuesOf = new WeakMap();

/** Picks the reader's language, remembered or the browser's, and translates the page. */
export async function startLanguage() {
  const wanted = [remembered(REMEMBERED), ...navigator.languages.map((tag) => tag.split('-')[0])];
  await setLanguage(wanted.find((tag) => tag && LANGUAGES.includes(tag)) ?? 'en');
  const choice = document.getElementById('language');
  if (!(choice instanceof HTMLSelectElement)) return;
  choice.value = language;
  choice.addEventListener('change', () => setLanguage(choice.value));
}

/** @param {string} tag */
async function setLanguage(tag) {
  const chosen = /** @type {'en' | 'zh'} */ (tag);
  texts = await (await fetch(new URL(`../i18n/${chosen}.json`, import.meta.url))).json();
  language = chosen;
  document.documentElement.lang = TAGS[chosen];
  for (const element of document.querySelectorAll('[data-i18n]')) {
    element.textContent = text(/** @type {HTMLElement} */ (element).dataset.i18n ?? '', valuesOf.get(element));
  }
  for (const element of document.querySelectorAll('[data-i18n-attributes]')) translateAttributes(element);
  remember(REMEMBERED, chosen);
}

/**
 * Text of a key in the reader's language, `{name}` replaced by its value.
 *
 * @param {string} key
 * @param {Values} [values]
 * @returns {string}
 */
export function text(key, values = {}) {
  const pattern = texts[key] ?? key;
  return pattern.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    if (typeof value === 'number') return value.toLocaleString(TAGS[language], { maximumFractionDigits: value < 100 ? 1 : 0 });
    return typeof value === 'object' ? text(value.key) : value;
  });
}

/**
 * Whether the key has a text, such as the one of an error code.
 *
 * @param {string} key
 */
export function hasText(key) {
  return key in texts;
}

/**
 * Shows the text of a key, now and after a change of language.
 *
 * @param {Element} element
 * @param {string} key
 * @param {Values} [values]
 */
export function say(element, key, values = {}) {
  element.setAttribute('data-i18n', key);
  valuesOf.set(element, values);
  element.textContent = text(key, values);
}

/**
 * As {@link say}, for attributes written as `name:key; name:key`.
 *
 * @param {Element} element
 * @param {string} attributes
 * @param {Values} [values]
 */
export function sayAttributes(element, attributes, values = {}) {
  element.setAttribute('data-i18n-attributes', attributes);
  valuesOf.set(element, values);
  translateAttributes(element);
}

/** @param {Element} element */
function translateAttributes(element) {
  for (const pair of element.getAttribute('data-i18n-attributes')?.split('; ') ?? []) {
    const [name, key] = pair.split(':');
    element.setAttribute(name, text(key, valuesOf.get(element)));
  }
}
