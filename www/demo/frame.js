import { BodyMapFrame } from '../bodymap-frame.js';

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const controls = /** @type {HTMLFormElement} */ (byId('controls'));
const { file, sample, cancel } =
  /** @type {{ [name: string]: HTMLInputElement & HTMLButtonElement }} */ (/** @type {unknown} */ (controls.elements));
const status = byId('status');
const bar = /** @type {HTMLProgressElement} */ (byId('bar'));
const overlay = /** @type {HTMLImageElement} */ (byId('overlay'));

/** @type {AbortController | null} */
let running = null;
/** @type {string[]} */
let urls = [];

const onProgress = (/** @type {import('../bodymap.js').Progress} */ { stage, fraction }) => {
  status.textContent = stage === 'model' ? 'Loading the model' : 'Looking for body parts and clothes';
  bar.value = fraction;
};

file.addEventListener('change', () => {
  const [photo] = file.files ?? [];
  if (photo) show(async () => photo);
});
sample.addEventListener('click', () =>
  show(async (signal) => {
    const response = await fetch('../samples/mpl_grace_hopper.jpg', { signal });
    if (!response.ok) throw new Error(`the sample could not be fetched: HTTP status ${response.status}`);
    const blob = await response.blob();
    return new File([blob], 'hopper.jpg', { type: blob.type });
  }),
);
cancel.addEventListener('click', () => running?.abort());

const opening = BodyMapFrame.open('../embed.html', { parent: byId('frame'), onProgress });
opening.then(() => done('Choose a photo.'), failed);

/** @param {(signal: AbortSignal) => Promise<File>} load */
async function show(load) {
  running?.abort();
  const mine = (running = new AbortController());
  const { signal } = mine;
  cancel.disabled = false;
  bar.hidden = false;
  try {
    const photo = await load(signal);
    const frame = await opening;
    signal.throwIfAborted();
    const { segments, files } = await frame.parse(photo, { formats: ['overlay', 'coco', 'cvat'], signal, onProgress });
    urls.forEach((url) => URL.revokeObjectURL(url));
    urls = files.map((made) => URL.createObjectURL(made));
    overlay.src = urls[0];
    overlay.hidden = false;
    byId('found').replaceChildren(...files.map(({ name }, i) => link(urls[i], name)));
    done(`Segments found: ${segments.length}`);
  } catch (error) {
    if (running === mine) failed(error);
  }
}

/**
 * @param {string} href
 * @param {string} download name of the file
 */
function link(href, download) {
  const item = document.createElement('li');
  const anchor = Object.assign(document.createElement('a'), { href, download, textContent: download });
  item.append(anchor);
  return item;
}

/** @param {string} text */
function done(text) {
  status.textContent = text;
  bar.hidden = true;
  cancel.disabled = true;
}

/** @param {any} error */
function failed(error) {
  done(error.name === 'AbortError' ? 'Stopped.' : error.code ? `${error.message} (${error.code})` : error.message);
}
