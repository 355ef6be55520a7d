import { BatchView, fillBatchFormats } from './batch-view.js';
import { startDownloads } from './downloads.js';
import { byId } from './element.js';
import { Engine } from './engine.js';
import { say, startLanguage, text } from './i18n.js';
import { startIntake } from './intake.js';
import { Legend } from './legend.js';
import { ModelImport } from './model-import.js';
import { Models } from './models.js';
import { clearNotices, showError, showNotice } from './notices.js';
import { answerParseRequests } from './parse-requests.js';
import { People } from './people.js';
import { ProgressView } from './progress.js';
import { showSamples } from './samples.js';
import { startServiceWorker } from './service-worker.js';
import { Settings } from './settings.js';
import { Stage } from './stage.js';

/**
 * @typedef {import('../bodymap.js').BodyMap} BodyMap
 * @typedef {import('../bodymap.js').Parsing} Parsing
 * @typedef {import('../bodymap.js').ExportFormat} ExportFormat
 * @typedef {import('../bodymap.js').ExportOptions} ExportOptions
 * @typedef {import('./batch.js').Entry} Entry
 */

/** Setting of large models that takes the least memory. */
const SMALL = 'small';
/** Longest side of the second attempt at a photo that was too much. */
const SMALLER_SIDE = 1600;

/** @type {AbortController | null} The photo being read, or shown. */
let current = null;
/** @type {Parsing | null} */
let shown = null;
/** @type {(() => void) | null} Parses the photo once more. */
let again = null;

const readiness = byId('readiness', HTMLElement);
const progress = new ProgressView(cancel);
const settings = new Settings(() => {
  batch.restart();
  again?.();
});
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
/**
 * Of the engine, for whatever is saved.
 *
 * @type {import('../bodymap.d.ts').ExportFormatInfo[]}
 */
let formats = [];

const engine = new Engine(kept, {
  onProgress(event) {
    if (event.stage === 'model') {
      say(readiness, 'ready.loading', { percent: Math.round(100 * event.fraction) });
      models.showProgress(event.fraction);
    }
    if (current) progress.show(event);
  },
  onLoaded(bodymap) {
    formats = bodymap.exportFormats;
    settings.show(bodymap.settings);
    models.showLoaded(bodymap.model);
  },
  onFailed(error) {
    // Of the default model it is reported when a photo needs it.
    if (models.isDefault) return;
    showError(error);
    engine.use(models.fallBack());
    getReady();
  },
});

const batch = new BatchView(engine, {
  setting: () => settings.chosen,
  // Of all photos everything is shown, in the reader's colours.
  optionsFor: (format) => (coloursOf(format) === 'fixed' ? {} : { palette: legend.options.palette }),
  onOpen: openEntry,
  onClose: () => show('empty'),
  onError: showError,
});

const models = new Models({ onChoose: useModel, onError: showError });
const modelImport = new ModelImport(() => engine.load(), {
  onImported(model) {
    models.add(model);
    showNotice('import.done', 'hint', { title: model.card.title });
  },
  onError: showError,
});

startDownloads(() => shown, optionsFor, showError);
answerParseRequests(engine);
startIntake((photos) => {
  if (photos.length === 0) return noPhoto();
  if (photos.length > 1) return openBatch(photos);
  batch.close();
  open(async () => photos[0].file);
}, openModel, showError);
byId('back', HTMLButtonElement).addEventListener('click', backToBatch);

await startLanguage(showError);
fillBatchFormats();
showSamples((load) => {
  batch.close();
  open(load);
});
engine.use(await models.start());
getReady();

/**
 * Changes the view; the focus does not stay on a button that is gone.
 *
 * @param {'empty' | 'busy' | 'result' | 'batch'} view
 */
function show(view) {
  byId('back', HTMLElement).hidden = !batch.isOpen;
  const cancelHadFocus = document.activeElement === byId('cancel', HTMLElement);
  document.documentElement.dataset.view = view;
  if (cancelHadFocus && view !== 'busy') byId(view === 'result' ? 'work-title' : 'drop', HTMLElement).focus();
}

/** @param {ExportFormat} name */
function coloursOf(name) {
  return formats.find((format) => format.name === name)?.colours;
}

/**
 * Pictures are saved as they are shown; all else is always whole.
 *
 * @param {ExportFormat} format
 * @returns {ExportOptions}
 */
function optionsFor(format) {
  const colours = coloursOf(format);
  if (format === 'overlay') return { ...options(), opacity: stage.opacity };
  if (colours === 'painted') return options();
  return colours === 'palette' ? { palette: options().palette } : {};
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
 * @param {boolean} [isSame] the photo that is shown stays until it is shown again
 */
async function open(load, maxSide, isSame = false) {
  current?.abort();
  const mine = (current = new AbortController());
  const { signal } = mine;
  shown = null;
  again = () => open(load, maxSide);
  clearNotices();
  if (isSame) stage.clearParsing();
  else stage.clear();
  progress.show({ stage: 'decode', fraction: 0 });
  show('busy');
  window.scrollTo({ top: 0 });
  try {
    const file = await load();
    signal.throwIfAborted();
    again = () => open(async () => file, maxSide, true);
    const bodymap = await engine.load();
    signal.throwIfAborted();
    const onProgress = progress.show.bind(progress);
    const onPhoto = stage.showPhoto.bind(stage);
    const parsing = await bodymap.parse(file, { setting: settings.chosen, signal, maxSide, onProgress, onPhoto });
    await showResult(parsing, bodymap);
  } catch (error) {
    if (signal.aborted) return;
    again = null;
    stage.clear();
    show('empty');
    progress.announce('work.stopped');
    showError(error, lighter(load));
  }
}

/**
 * What to try where memory did not suffice: the model's own smaller setting, or a smaller copy.
 *
 * @param {() => Promise<File>} load
 */
function lighter(load) {
  if (!settings.ids.includes(SMALL) || settings.chosen === SMALL) {
    return { key: 'error.smaller', act: () => void open(load, SMALLER_SIDE) };
  }
  const act = () => {
    settings.choose(SMALL);
    open(load);
  };
  return { key: 'error.small-setting', act };
}

/**
 * A model came in: a checkpoint, or a card with its files.
 *
 * @param {import('./photo-files.js').ModelFiles | null} model
 */
async function openModel(model) {
  clearNotices();
  if (!model) return void showNotice('models.none', 'error');
  if ('checkpoint' in model) return modelImport.open(model.checkpoint);
  try {
    await models.addFiles(model.card, model.files);
  } catch (error) {
    showError(error);
  }
}

/**
 * What is shown is parsed once more by another model.
 *
 * @param {import('./engine.js').ModelChoice} model
 */
function useModel(model) {
  engine.use(model);
  batch.restart();
  if (again) again();
  else if (batch.isOpen && document.documentElement.dataset.view === 'result') backToBatch();
  getReady();
}

/** @param {import('./photo-files.js').PhotoFile[]} photos */
function openBatch(photos) {
  leave();
  batch.open(photos);
  show('batch');
  byId('batch-title', HTMLElement).focus({ preventScroll: true });
  window.scrollTo({ top: 0 });
}

/**
 * Shows a photo of the batch that is done.
 *
 * @param {Entry} entry
 */
async function openEntry(entry) {
  leave();
  const mine = (current = new AbortController());
  try {
    const [parsing, bodymap] = await Promise.all([batch.parsing(entry), engine.load()]);
    const photo = await parsing.photo();
    if (mine.signal.aborted) return photo.close();
    stage.showPhoto(photo);
    await showResult(parsing, bodymap);
    window.scrollTo({ top: 0 });
  } catch (error) {
    if (!mine.signal.aborted) showError(error);
  }
}

function backToBatch() {
  leave();
  show('batch');
  byId('batch-title', HTMLElement).focus();
}

/** Puts away what is shown. */
function leave() {
  current?.abort();
  current = null;
  shown = null;
  again = null;
  clearNotices();
  stage.clear();
}

/**
 * @param {Parsing} parsing
 * @param {BodyMap} bodymap
 */
async function showResult(parsing, bodymap) {
  shown = parsing;
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
  if (shown !== parsing) return;
  show('result');
  const counts = { people: { key: 'count.people', count: people.count }, classes: { key: 'count.classes', count: legend.size } };
  progress.announce(people.count > 1 ? 'work.done-people' : 'work.done', { ...counts, total });
}

function cancel() {
  leave();
  show('empty');
  progress.announce('work.stopped');
}

/** Something came in that holds no file, such as a dropped link. */
function noPhoto() {
  clearNotices();
  showNotice('intake.no-file');
}

/** Fetches engine and model before they are needed, unless the reader saves data. */
async function getReady() {
  const { connection } = /** @type {{ connection?: { saveData: boolean } }} */ (navigator);
  if (connection?.saveData && models.isDefault) return;
  try {
    await engine.load();
    say(readiness, (await kept) ? 'ready.offline' : 'ready.online');
  } catch {
    // Reported when a photo needs it.
    say(readiness, 'ready.failed');
  }
}
