import { startDownloads } from './downloads.js';
import { byId } from './element.js';
import { Engine } from './engine.js';
import { say, startLanguage, text } from './i18n.js';
import { startIntake } from './intake.js';
import { Legend } from './legend.js';
import { clearNotices, showError, showNotice } from './notices.js';
import { People } from './people.js';
import { ProgressView } from './progress.js';
import { showSamples } from './samples.js';
import { startServiceWorker } from './service-worker.js';
import { Settings } from './settings.js';
import { Stage } from './stage.js';

/**
 * @typedef {import('../bodymap.js').BodyMap} BodyMap
 * @typedef {import('../bodymap.js').Parsing} Parsing
 */

/** Longest side of the second attempt at a photo that was too much. */
const SMALLER_SIDE = 1600;

/** @type {AbortController | null} The photo being read, or shown. */
let current = null;
/** @type {{ parsing: Parsing, name: string } | null} */
let shown = null;
/** @type {(() => void) | null} Parses the photo once more. */
let again = null;

const readiness = byId('readiness', HTMLElement);
const progress = new ProgressView(cancel);
const settings = new Settings(() => again?.());
const legend = new Legend(
  () => stage.paint(options()),
  (id) => stage.pointOut(id === null ? null : { ...options(), classes: [id] }),
);
const people = new People(
  () => {
    legend.showPerson(people.options.person);
    stage.paint(options());
  },
  (person) => stage.pointOut(person === null ? null : { ...legend.options, person }),
);
const stage = new Stage(describe, showError);
const kept = startServiceWorker(() => current === null);
const engine = new Engine(kept, (event) => {
  if (event.stage === 'model') say(readiness, 'ready.loading', { percent: Math.round(100 * event.fraction) });
  if (current) progress.show(event);
});

startDownloads(() => shown && { ...shown, options: options(), opacity: stage.opacity }, showError);
startIntake((files) => {
  const photo = files[0];
  if (!photo) return noPhoto();
  open(async () => photo);
  if (files.length > 1) showNotice('intake.first-only', 'hint', { name: photo.name });
});

await startLanguage();
showSamples(open);
getReady();

/**
 * Changes the view; the focus does not stay on a button that is gone.
 *
 * @param {'empty' | 'busy' | 'result'} view
 */
function show(view) {
  const cancelHadFocus = document.activeElement === byId('cancel', HTMLElement);
  document.documentElement.dataset.view = view;
  if (cancelHadFocus && view !== 'busy') byId(view === 'result' ? 'work-title' : 'drop', HTMLElement).focus();
}

/** What is shown, as paint and export options. */
function options() {
  return { ...legend.options, ...people.options };
}

/**
 * Name and colour of a class, with the number of its person where there are
 * several; null for the background.
 *
 * @param {number} id
 * @param {number} person
 */
function describe(id, person) {
  const found = legend.describe(id);
  if (!found || people.count < 2) return found;
  return { ...found, name: text('people.part', { name: found.name, person }) };
}

/**
 * Parses a photo and shows the result in place of what is shown.
 *
 * @param {() => Promise<File>} load
 * @param {number} [maxSide]
 * @param {boolean} [isShown] the photo itself already is
 */
async function open(load, maxSide, isShown = false) {
  current?.abort();
  const mine = (current = new AbortController());
  const { signal } = mine;
  shown = null;
  again = () => open(load, maxSide);
  clearNotices();
  if (isShown) stage.clearParsing();
  else stage.clear();
  progress.show({ stage: 'decode', fraction: 0 });
  show('busy');
  window.scrollTo({ top: 0 });
  try {
    const file = await load();
    signal.throwIfAborted();
    if (!isShown) stage.showPhoto(file);
    again = () => open(async () => file, maxSide, true);
    const bodymap = await loadEngine();
    signal.throwIfAborted();
    const onProgress = progress.show.bind(progress);
    const parsing = await bodymap.parse(file, { setting: settings.chosen, signal, maxSide, onProgress });
    await showResult(parsing, file.name, bodymap);
  } catch (error) {
    if (signal.aborted) return;
    again = null;
    stage.clear();
    show('empty');
    progress.announce('work.stopped');
    showError(error, () => open(load, SMALLER_SIDE));
  }
}

/**
 * @param {Parsing} parsing
 * @param {string} name of the photo
 * @param {BodyMap} bodymap
 */
async function showResult(parsing, name, bodymap) {
  shown = { parsing, name };
  stage.showParsing(parsing);
  legend.show(parsing, bodymap.classes);
  people.show(parsing);
  const { decode, inference, total } = parsing.timings;
  say(byId('timings', HTMLElement), 'work.timings', { decode, inference, total, threads: bodymap.threads });
  const { title, licence } = bodymap.model;
  byId('model-title', HTMLElement).textContent = title;
  Object.assign(byId('model-licence', HTMLAnchorElement), { href: licence.url, textContent: licence.name });
  byId('model-attribution', HTMLElement).textContent = licence.attribution;
  await stage.paint(options());
  // It may have been cancelled or replaced meanwhile.
  if (shown?.parsing !== parsing) return;
  show('result');
  progress.announce(people.count > 1 ? 'work.done-people' : 'work.done', { people: people.count, classes: legend.size, total });
}

function cancel() {
  current?.abort();
  current = null;
  shown = null;
  again = null;
  stage.clear();
  show('empty');
  progress.announce('work.stopped');
}

/** Something came in that holds no file, such as a dropped link. */
function noPhoto() {
  clearNotices();
  showNotice('intake.no-file');
}

async function loadEngine() {
  const bodymap = await engine.load();
  settings.show(bodymap.settings);
  return bodymap;
}

/** Fetches engine and model before they are needed, unless the reader saves data. */
async function getReady() {
  const { connection } = /** @type {{ connection?: { saveData: boolean } }} */ (navigator);
  if (connection?.saveData) return;
  try {
    await loadEngine();
    say(readiness, (await kept) ? 'ready.offline' : 'ready.online');
  } catch {
    // Reported when a photo needs it.
    say(readiness, 'ready.failed');
  }
}
