import { BodyMapError } from '../api/error.js';
import { HELLO, PROTOCOL } from '../api/frame-protocol.js';
import { byId } from './element.js';
import { Engine } from './engine.js';
import { say, startLanguage } from './i18n.js';

/**
 * The page in a frame of another page: parses the photos that it is given by
 * pages of the origins in embed.json, and of no other.
 *
 * @typedef {import('../api/frame-protocol.js').Hello} Hello
 * @typedef {import('../api/frame-protocol.js').Request} Request
 * @typedef {import('../api/frame-protocol.js').ParseRequest} ParseRequest
 * @typedef {import('../bodymap.d.ts').Progress} Progress
 */

/** @type {Set<(progress: Progress) => void>} Told about loading. */
const listeners = new Set();
const engine = new Engine(Promise.resolve(), {
  onProgress: (progress) => listeners.forEach((listener) => listener(progress)),
  // Who asked is told.
  onLoaded() {},
  onFailed() {},
});
const status = byId('status', HTMLElement);

// Before anything is waited for: the page around may speak as soon as this one has loaded.
addEventListener('message', ({ data, origin, source, ports: [port] }) => {
  if (source === parent && isHello(data) && port) welcome(data, origin, port);
});
const origins = allowedOrigins();
const language = startLanguage(console.error);

/**
 * @param {any} data
 * @returns {data is Hello}
 */
function isHello(data) {
  return data?.kind === HELLO && Number.isInteger(data.protocol);
}

/**
 * @param {Hello} hello
 * @param {string} origin as the browser says, not the page
 * @param {MessagePort} port
 */
async function welcome({ protocol }, origin, port) {
  const allowed = await origins;
  await language;
  if (!allowed.has(origin)) {
    say(status, 'embed.refused', { origin });
    const message = `${location.origin} does not work for pages of ${origin}; its embed.json does not list them`;
    return refuse(port, 'origin-refused', message);
  }
  if (protocol !== PROTOCOL) {
    return refuse(port, 'bad-request', `protocol ${protocol} is asked for, the page in the frame speaks ${PROTOCOL}`);
  }
  say(status, 'embed.connected', { origin });
  serve(port);
  port.postMessage({ ready: true });
}

/**
 * @param {MessagePort} port
 * @param {string} code
 * @param {string} message
 */
function refuse(port, code, message) {
  port.postMessage({ refused: { code, message } });
  port.close();
}

/**
 * This site's own origin and those of embed.json, each exactly as a browser writes it.
 *
 * @returns {Promise<Set<string>>}
 */
async function allowedOrigins() {
  const allowed = new Set([location.origin]);
  try {
    const { origins: listed } = await (await fetch('./embed.json', { cache: 'no-cache' })).json();
    for (const origin of listed) {
      if (isOrigin(origin)) allowed.add(origin);
      else console.error(`embed.json: ${JSON.stringify(origin)} is no origin such as "https://app.example"`);
    }
  } catch (error) {
    console.error(`embed.json cannot be read: ${error}`);
  }
  return allowed;
}

/** @param {unknown} origin neither a pattern nor `null`, which is the origin of every sandbox */
function isOrigin(origin) {
  return typeof origin === 'string' && URL.canParse(origin) && new URL(origin).origin === origin;
}

/** @param {MessagePort} port */
function serve(port) {
  /** @type {Map<number, AbortController>} */
  const running = new Map();
  port.onmessage = async ({ data }) => {
    const id = data?.id;
    if (!Number.isInteger(id)) return;
    if (data.op === 'abort') return running.get(id)?.abort();
    const aborter = new AbortController();
    running.set(id, aborter);
    const onProgress = (/** @type {Progress} */ progress) => port.postMessage({ id, progress });
    try {
      port.postMessage({ id, value: await answer(data, aborter.signal, onProgress) });
    } catch (thrown) {
      const { code = 'worker-crashed', message } = /** @type {BodyMapError} */ (thrown);
      // Who aborted waits for no answer.
      if (!aborter.signal.aborted) port.postMessage({ id, error: { code, message } });
    }
    running.delete(id);
  };
}

/**
 * @param {Request} request
 * @param {AbortSignal} signal
 * @param {(progress: Progress) => void} onProgress
 */
async function answer(request, signal, onProgress) {
  if (request.op !== 'load' && !(request.op === 'parse' && isParseRequest(request))) {
    throw new BodyMapError('bad-request', 'the request has another shape than the page in the frame knows');
  }
  listeners.add(onProgress);
  const bodymap = await engine.load().finally(() => listeners.delete(onProgress));
  signal.throwIfAborted();
  if (request.op === 'load') {
    const { model, settings, classes, threads, version } = bodymap;
    return { model, settings, classes, threads, version };
  }
  const { source, setting, maxSide, formats, options } = request;
  const parsing = await bodymap.parse(source, { setting, maxSide, signal, onProgress });
  const files = [];
  for (const format of formats) files.push(await parsing.export(format, { ...options, signal }));
  const { width, height, labelSet, labels, people, segments, timings } = parsing;
  return { width, height, labelSet, labels, people, segments, timings, files };
}

/** @param {ParseRequest} request whose values the engine checks; here only their types are of interest */
function isParseRequest({ source, setting, maxSide, formats, options }) {
  return (
    (source instanceof Blob || source instanceof ImageData) &&
    (setting === undefined || typeof setting === 'string') &&
    (maxSide === undefined || typeof maxSide === 'number') &&
    Array.isArray(formats) &&
    formats.every((format) => typeof format === 'string') &&
    typeof options === 'object' &&
    options !== null
  );
}
