/** @typedef {import('../body-map.js').BodyMapElement} BodyMapElement */

const element = /** @type {BodyMapElement} */ (document.querySelector('#parsed'));
const controls = /** @type {HTMLFormElement} */ (document.querySelector('#controls'));
const found = /** @type {HTMLElement} */ (document.querySelector('#found'));
const markup = /** @type {HTMLElement} */ (document.querySelector('#markup'));
const { src, file, classes, palette, opacity } =
  /** @type {{ [name: string]: HTMLSelectElement & HTMLInputElement }} */ (/** @type {unknown} */ (controls.elements));

src.addEventListener('change', () => {
  file.value = '';
  element.file = null;
  element.alt = src.selectedOptions[0].dataset.alt ?? '';
  element.src = src.value;
});
file.addEventListener('change', () => {
  element.alt = '';
  element.file = file.files?.[0] ?? null;
});
classes.addEventListener('change', () => {
  if (classes.value) element.setAttribute('classes', classes.value);
  else element.removeAttribute('classes');
});
for (const control of [palette, opacity]) {
  control.addEventListener('input', () => element.setAttribute(control.name, control.value));
}

element.addEventListener('load', ({ detail: { segments } }) => {
  const names = [...new Set(segments.map(({ label }) => label))];
  classes.replaceChildren(classes.options[0], ...names.map((name) => new Option(name)));
  classes.value = element.getAttribute('classes') ?? '';
  found.textContent = names.length > 0 ? `Found: ${names.join(', ')}` : 'No one was found in this photo.';
});
element.addEventListener('error', () => (found.textContent = ''));

function showMarkup() {
  const attributes = Array.from(element.attributes, ({ name, value }) => ` ${name}="${value}"`);
  markup.textContent = `<body-map${attributes.join('')}></body-map>`;
}

new MutationObserver(showMarkup).observe(element, { attributes: true });
showMarkup();
