import { BodyMapError } from '../api/error.js';
import { remember, remembered } from './storage.js';

/**
 * @typedef {{ key: string, count?: number }} Part a text within a text; its `{count}` decides on the plural form
 * @typedef {{ [name: string]: number | string | Part }} Values
 * @typedef {{ [category in Intl.LDMLPluralRule]?: string } & { other: string }} Plural
 * @typedef {{ [key: string]: string | Plural }} Texts
 * @typedef {keyof typeof TAGS} Language
 */

const TAGS = { en: 'en', zh: 'zh-Hans' };
/** That of the pages' markup. */
const OWN = 'en';
const REMEMBERED = 'bodymap.language';

/** @type {Texts} */
let texts = {};
/** @type {Language} */
let language = OWN;
/** @type {Language} What was chosen last; it may still be on its way. */
let wanted = language;

/** @type {WeakMap<Element, Values>} */
const valuesOf = new WeakMap();

/**
 * Picks the reader's language, remembered or the browser's, and translates the page. Where its texts cannot be had,
 * the page goes on in another language.
 *
 * @param {(error: unknown) => void} onError told that the texts of a language could not be had
 */
export async function startLanguage(onError) {
  const tags = [remembered(REMEMBERED), ...navigator.languages.map((tag) => tag.split('-')[0])];
  const choice = document.getElementById('language');
  const choose = async (/** @type {Language} */ tag) => {
    await setLanguage(tag, onError);
    if (choice instanceof HTMLSelectElement) choice.value = wanted;
  };
  choice?.addEventListener('change', () => choose(/** @type {Language} */ (/** @type {HTMLSelectElement} */ (choice).value)));
  const first = tags.find(isLanguage) ?? OWN;
  await choose(first);
  if (first !== OWN && language === OWN && wanted === OWN) await choose(OWN);
}

/**
 * @param {string | null} tag
 * @returns {tag is Language}
 */
function isLanguage(tag) {
  return tag !== null && Object.hasOwn(TAGS, tag);
}

/**
 * @param {Language} tag
 * @param {(error: unknown) => void} onError
 */
async function setLanguage(tag, onError) {
  wanted = tag;
  let found;
  try {
    found = await textsOf(tag);
  } catch (error) {
    // A later choice does not suffer from it.
    if (wanted !== tag) return;
    wanted = language;
    return onError(error);
  }
  // A slower answer to an earlier choice is of no interest.
  if (wanted !== tag) return;
  texts = found;
  language = tag;
  document.documentElement.lang = TAGS[tag];
  for (const element of document.querySelectorAll('[data-i18n]')) {
    element.textContent = text(/** @type {HTMLElement} */ (element).dataset.i18n ?? '', valuesOf.get(element));
  }
  for (const element of document.querySelectorAll('[data-i18n-attributes]')) translateAttributes(element);
  remember(REMEMBERED, tag);
}

/**
 * @param {Language} tag
 * @returns {Promise<Texts>}
 */
async function textsOf(tag) {
  const file = `i18n/${tag}.json`;
  try {
    const response = await fetch(new URL(`../${file}`, import.meta.url));
    if (!response.ok) throw new Error(`HTTP status ${response.status}`);
    return await response.json();
  } catch (cause) {
    throw new BodyMapError('download-failed', `${file} could not be downloaded: ${cause}`, cause);
  }
}

/**
 * Text of a key in the reader's language, `{name}` replaced by its value. Texts with plural forms go by `values.count`.
 *
 * @param {string} key
 * @param {Values} [values]
 * @returns {string}
 */
export function text(key, values = {}) {
  const found = texts[key] ?? key;
  const pattern = typeof found === 'string' ? found : (found[pluralOf(Number(values.count))] ?? found.other);
  return pattern.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    if (typeof value === 'number') return value.toLocaleString(TAGS[language], { maximumFractionDigits: value < 100 ? 1 : 0 });
    if (typeof value !== 'object') return value;
    const { key: part, ...rest } = value;
    return text(part, rest);
  });
}

/** @param {number} count */
function pluralOf(count) {
  return new Intl.PluralRules(TAGS[language]).select(count);
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
