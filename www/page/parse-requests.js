/**
 * @typedef {import('./engine.js').Engine} Engine
 * @typedef {{ image: Blob, setting: string | null, format: import('../bodymap.js').ExportFormat | null }} Question
 */

/** As the service: photos that are parsed or wait at a time. */
const MOST = 5;

/** As the service: what a photo without a name is called. */
const NAMELESS = 'photo.jpg';

/** HTTP statuses of the service for what may be wrong with a request. */
const STATUSES = new Map([
  ['file-too-large', 413],
  ['photo-too-large', 413],
  ['unsupported-format', 415],
  ['empty-file', 422],
  ['truncated', 422],
  ['corrupt-photo', 422],
  ['bad-option', 400],
]);

/**
 * Offers the service worker to parse the photos that scripts of the site post
 * to `parse`, and parses them.
 *
 * @param {Engine} engine
 */
export function answerParseRequests(engine) {
  let held = 0;
  navigator.serviceWorker?.addEventListener('message', ({ data, ports: [port] }) => {
    if (data !== 'who can parse?') return;
    port.onmessage = async (/** @type {MessageEvent<Question>} */ event) => {
      if (held === MOST) {
        const message = 'the page has as many photos as it can take; try again in a moment';
        return port.postMessage({ status: 503, code: 'busy', message });
      }
      held++;
      const answered = await answer(engine, event.data);
      held--;
      port.postMessage(answered);
    };
    port.postMessage('I can');
  });
}

/**
 * @param {Engine} engine
 * @param {Question} question
 */
async function answer(engine, { image, setting, format }) {
  try {
    const bodymap = await engine.load();
    const parsing = await bodymap.parse(image, setting === null ? {} : { setting });
    const name = image instanceof File ? image.name.split(/[\\/]/).pop() : undefined;
    return { status: 200, body: await parsing.export(format ?? 'json', { name: name || NAMELESS }) };
  } catch (thrown) {
    const { code = 'unknown', message } = /** @type {Error & { code?: string }} */ (thrown);
    return { status: STATUSES.get(code) ?? 500, code, message };
  }
}
