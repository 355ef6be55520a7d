import { BodyMapError } from './api/error.js';
import { importCheckpoint, inspectCheckpoint } from './worker/checkpoint.js';
import { startEngine } from './worker/engine.js';
import { openModel } from './worker/model-store.js';
import { pictureOf, readPhoto } from './worker/photo.js';
import { readAt } from './worker/read-at.js';
import { stopAsked } from './worker/stop.js';

/**
 * @typedef {import('./worker/glue.d.ts').GluePhoto} GluePhoto
 * @typedef {import('./worker/glue.d.ts').GlueParsing} GlueParsing
 * @typedef {(stage: string, fraction: number) => void} Report
 * @typedef {{ key: number, source: Blob | ImageData | null, maxSide?: number }} Origin
 * @typedef {{ stem: string, files: [path: string, blob: Blob][] }} GatheredPhoto
 *
 * @typedef {object} Held
 * @property {Origin} origin
 * @property {GlueParsing} parsing
 * @property {GluePhoto | null} photo read from the origin when it is needed
 */

const scope = /** @type {DedicatedWorkerGlobalScope} */ (/** @type {unknown} */ (self));

/** @type {import('./worker/glue.d.ts').Glue} */
let glue;
/** @type {WebAssembly.Memory} */
let memory;
/** @type {import('./worker/glue.d.ts').GlueModel} */
let model;
/** @type {import('./bodymap.d.ts').ExportFormatInfo[]} */
let formats;
let threads = 1;
/** Whether the page wants the work to stop. */
let isStopping = () => false;
/** Whether a signal may abort the work under way. */
let abortable = false;
/**
 * A cache: the page can send the parts of any parsing again.
 *
 * @type {Held | null}
 */
let held = null;

/** @type {{ [op: string]: (request: any, report: Report) => Promise<[value: any, transfer?: Transferable[]]> }} */
const operations = {
  async start({ wasmUrl = beside('pkg/'), model: source, threads: wanted, module, stopSign, alarm }, report) {
    isStopping = stopAsked(stopSign, () => abortable);
    report('wasm', 0);
    // Read by pool.js, which the engine calls to start its threads.
    Object.assign(scope, { stopSign, alarm });
    const engine = await startEngine(wasmUrl, wanted, module);
    ({ glue, memory, threads } = engine);
    glue.stopWhen(isStopping);
    report('wasm', 1);
    const tell = (/** @type {number} */ fraction) => report('model', fraction);
    const { cardJson, file } = await openModel(located(source), glue.checkCard, tell);
    model = glue.Model.load(cardJson, readAt(file));
    const card = JSON.parse(model.info());
    const classes = JSON.parse(glue.labelSet(card.label_set));
    formats = JSON.parse(glue.exportFormats());
    return [{ module: engine.module, threads, version: glue.version(), card, classes, formats }];
  },

  async parse(/** @type {Origin & { source: Blob | ImageData, setting?: string, isShown: boolean }} */ request, report) {
    const { setting, isShown, ...origin } = request;
    release();
    const began = performance.now();
    report('decode', 0);
    const photo = await readPhoto(glue, origin.source, origin.maxSide);
    report('decode', 1);
    const decoded = performance.now();
    if (isShown) await show(photo);
    const shown = performance.now();
    const parsing = parse(photo, setting, report);
    const inferred = performance.now();
    report('finish', 0);
    held = { origin, parsing, photo };
    const [labels, people] = [parsing.labels(), parsing.people()];
    const { width, height, labelSet } = parsing;
    const [segments, instances] = [parsing.segments(), parsing.instances()].map((list) => JSON.parse(list));
    report('finish', 1);
    const timings = { decode: decoded - began, inference: inferred - shown, total: performance.now() - began };
    return [{ width, height, labelSet, labels, people, segments, instances, timings }, [labels.buffer, people.buffer]];
  },

  async inspect({ templatesUrl = beside('models/m2fp/'), checkpoint }) {
    return [await inspectCheckpoint(glue, templatesUrl, checkpoint)];
  },

  async import({ templatesUrl = beside('models/m2fp/'), ...wanted }, report) {
    return [await importCheckpoint(glue, templatesUrl, wanted, (fraction) => report('import', fraction))];
  },

  async show(request) {
    const current = hold(request);
    const { width, height } = current.parsing;
    const photo = await photoOf(current);
    if (photo.width !== width || photo.height !== height) {
      throw new BodyMapError('bad-option', `the photo is ${photo.width}x${photo.height}, its parsing ${width}x${height}`);
    }
    const picture = await pictureOf(photo);
    return [picture, [picture]];
  },

  async paint({ width, height, options, ...request }) {
    const rgba = hold(request).parsing.paint(width, height, options);
    return [rgba, [rgba.buffer]];
  },

  async export({ format, name, options, photos, ...request }) {
    const parsing = await readyFor(format, hold(request));
    const [path, bytes] = parsing.export(format, name, options, photos);
    return [{ path, bytes, type: formatNamed(format)?.mediaType }, [bytes.buffer]];
  },

  async files({ format, name, options, photos, ...request }) {
    const parsing = await readyFor(format, hold(request));
    return [parsing.files(format, name, options, photos).map(([path, bytes]) => [path, new Blob([bytes])])];
  },

  /** One file of many photos; the bytes of one of them are in memory at a time. */
  async gather({ format, labelSet, photos }) {
    const set = new glue.DataSet(format, labelSet);
    const path = set.name;
    const pieces = [];
    try {
      for (const { stem, files } of /** @type {GatheredPhoto[]} */ (photos)) {
        /** @type {import('./worker/glue.d.ts').GlueFile[]} */
        const read = await Promise.all(files.map(async ([of, blob]) => [of, new Uint8Array(await blob.arrayBuffer())]));
        pieces.push(new Blob([set.add(stem, read)]));
      }
    } catch (error) {
      set.free();
      throw error;
    }
    pieces.push(set.finish());
    return [{ path, bytes: new Blob(pieces), type: formatNamed(format)?.dataSetMediaType }];
  },
};

/** @param {string} name or another name that is understood */
function formatNamed(name) {
  return formats.find((format) => format.name === name || format.alias === name);
}

/**
 * Seen from this module, which a script of the page's origin may have imported from another one.
 *
 * @param {string} path
 */
function beside(path) {
  return new URL(path, import.meta.url).href;
}

/**
 * A model's source, that of a model of the site by its address.
 *
 * @param {{ name: string } | import('./worker/model-store.js').ModelSource} source
 */
function located(source) {
  return 'name' in source ? { url: beside(`models/${source.name}/card.json`) } : source;
}

/**
 * @param {GluePhoto} photo freed if it cannot be parsed
 * @param {string | undefined} setting
 * @param {Report} report
 */
function parse(photo, setting, report) {
  report('inference', 0);
  try {
    return model.parse(photo, setting, (fraction) => report('inference', fraction));
  } catch (error) {
    photo.free();
    throw error;
  }
}

/**
 * The parsing a request is about, made again from its parts if they were sent. A photo that was read stays.
 *
 * @param {{ key: number, parts?: any, origin?: any }} request
 */
function hold({ key, parts, origin }) {
  if (parts) {
    const { labelSet, width, height, labels, people, segments, instances } = parts;
    const parsing = model.restore(labelSet, width, height, labels, people, segments, instances);
    const photo = held?.origin.key === key ? held.photo : null;
    if (held && photo) held.photo = null;
    release();
    held = { origin, parsing, photo };
  }
  if (held?.origin.key !== key) throw new Error(`parsing ${key} is not held`);
  return held;
}

/**
 * @param {string} format
 * @param {Held} current
 * @returns {Promise<GlueParsing>} with the photo, if the format needs it
 */
async function readyFor(format, current) {
  const { parsing, origin } = current;
  if (format === 'overlay' && origin.source) parsing.photo = await photoOf(current);
  return parsing;
}

/**
 * @param {Held} current
 * @returns {Promise<GluePhoto>}
 */
async function photoOf(current) {
  const { source, maxSide } = current.origin;
  if (!source) throw new BodyMapError('bad-option', 'the photo is not there: unpack the parsing with its source');
  return (current.photo ??= await readPhoto(glue, source, maxSide));
}

/**
 * Sends a picture of the photo ahead of what is being made of it.
 *
 * @param {GluePhoto} photo freed if it cannot be shown
 */
async function show(photo) {
  try {
    const picture = await pictureOf(photo);
    scope.postMessage({ picture }, [picture]);
  } catch (error) {
    photo.free();
    throw error;
  }
}

function release() {
  held?.parsing.free();
  held?.photo?.free();
  held = null;
}

/** Ends this worker and its threads at once. */
function end() {
  if (threads > 1) glue.stopThreads();
  scope.close();
}

scope.onmessage = async ({ data: { op, abortable: mayBeAborted, ...request } }) => {
  if (op === 'end') return end();
  abortable = mayBeAborted;
  /** @type {Report} */
  const report = (stage, fraction) => scope.postMessage({ progress: { stage, fraction } });
  try {
    const [value, transfer = []] = await operations[op](request, report);
    scope.postMessage({ value, memory: memory.buffer.byteLength }, transfer);
  } catch (thrown) {
    if (isStopping()) return end();
    const error = /** @type {Error & { code?: string }} */ (thrown);
    // An error without a code is a trap or a bug; either leaves the engine in an unknown state.
    const fatal = typeof error.code !== 'string';
    const code = fatal ? 'worker-crashed' : error.code;
    const message = fatal ? `the engine stopped: ${error.message}; try again` : error.message;
    scope.postMessage({ error: { code, message }, fatal });
  }
};
