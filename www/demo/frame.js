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
  status.textContent = stage === 'model' ? 'Fetching the model' : 'Looking for body parts and clothes';
  bar.value = fraction;
};

file.addEventListener('change', () => file.files?.[0] && show(file.files[0]));
sample.addEventListener('click', async () => {
  const blob = await (await fetch('../samples/mpl_grace_hopper.jpg')).blob();
  show(new File([blob], 'hopper.jpg', { type: blob.type }));
});
cancel.addEventListener('click', () => running?.abort());

const opening = BodyMapFrame.open('../embed.html', { parent: byId('frame'), onProgress });
opening.then(() => done('Choose a photo.'), failed);

/** @param {File} photo */
async function show(photo) {
  running?.abort();
  const mine = (running = new AbortController());
  const { signal } = mine;
  cancel.disabled = false;
  bar.hidden = false;
  try {
    const frame = await opening;
    const { segments, files } = await frame.parse(photo, { formats: ['overlay', 'coco', 'cvat'], signal, onProgress });
    urls.forEach((url) => URL.revokeObjectURL(url));
    urls = files.map((made) => URL.createObjectURL(made));
    overlay.src = urls[0];
    overlay.hidden = false;
    byId('found').replaceChildren(...files.map(({ name }, i) => link(urls[i], name)));
    done(`${segments.length} segments found.`);
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
  done(error.name === 'AbortError' ? 'Stopped.' : `${error.message} (${error.code})`);
}
