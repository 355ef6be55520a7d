import { BodyMapError } from '../bodymap.js';
import { byId, make } from './element.js';
import { say, sayAttributes } from './i18n.js';

const FOLDER = new URL('../samples/', import.meta.url);

/** @type {{ file: string, key: string, licence?: { name: string, url: string } }[]} */
const SAMPLES = [
  { file: 'skimage_astronaut.png', key: 'astronaut' },
  {
    file: 'facerec_obama.jpg',
    key: 'obama',
    licence: { name: 'CC BY 3.0', url: 'https://creativecommons.org/licenses/by/3.0/' },
  },
  { file: 'mpl_grace_hopper.jpg', key: 'hopper' },
  { file: 'facerec_biden.jpg', key: 'biden' },
  {
    file: 'skimage_camera.png',
    key: 'camera',
    licence: { name: 'CC0', url: 'https://creativecommons.org/publicdomain/zero/1.0/' },
  },
];

/** @param {(load: () => Promise<File>) => void} onSample called with what fetches the chosen photo */
export function showSamples(onSample) {
  const items = SAMPLES.map(({ file, key, licence }) => {
    const src = new URL(file.replace(/\w+$/, 'thumb.jpg'), FOLDER).href;
    const thumbnail = make('img', { width: 132, height: 132, draggable: false, src });
    sayAttributes(thumbnail, `alt:samples.${key}.alt`);
    const button = make('button', { type: 'button', className: 'sample' }, thumbnail);
    button.addEventListener('click', () => onSample(() => fetchSample(file)));
    const credit = make('span');
    say(credit, `samples.${key}.credit`);
    const terms = licence ? make('a', { href: licence.url, rel: 'license noopener', textContent: licence.name }) : make('span');
    if (!licence) say(terms, 'samples.public-domain');
    return make('li', {}, button, make('small', {}, credit, '\u00a0· ', terms));
  });
  byId('samples', HTMLUListElement).replaceChildren(...items);
}

/** @param {string} file */
async function fetchSample(file) {
  try {
    const response = await fetch(new URL(file, FOLDER));
    if (response.ok) return new File([await response.blob()], file);
    throw new Error(`HTTP status ${response.status}`);
  } catch (cause) {
    throw new BodyMapError('download-failed', `${file} could not be downloaded: ${cause}`, cause);
  }
}
