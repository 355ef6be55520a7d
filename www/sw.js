// Keeps one build of the site for use without a network, and sends the headers
// that static hosting does not: its pages become cross-origin isolated, and
// its workers, which the policy in index.html does not reach, may not send
// anything anywhere either.
//
// A script of the site that posts a photo to `parse` is answered as the service
// answers, by an open page of ours: the photo goes to no server.
//
// Every file is checked against the hashes in files.json, so that a cache never
// mixes two builds. A new build is fetched beside the old one and takes over
// when the next page is opened.

const scope = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

/** @typedef {{ path: string, bytes: number, sha256: string }} SiteFile */

const ROOT = scope.registration.scope;
/** The Cache API is shared by all sites of an origin. */
const OURS = `bodymap site ${new URL(ROOT).pathname} `;
const CACHE = `${OURS}__BUILD__`;
const LIST = `${ROOT}files.json`;
/** What `bodymap serve` answers; here an open page does. */
const SERVICE = `${ROOT}parse`;
/** What its address may say. */
const OPTIONS = ['setting', 'format'];

/** Milliseconds in which a page says that it can parse; what it is asked then takes as long as it takes. */
const OFFER_TIME = 2_000;
/** Milliseconds between looks whether the page that parses is still open. */
const LOOK_TIME = 1_000;

/** Milliseconds. A newer build that has not taken over by then is given up. */
const HAND_OVER_TIME = 20_000;
/** Milliseconds after which a page that waits for the newer build asks again. */
const HAND_OVER_PATIENCE = 5_000;

const HEADERS = {
  // As in index.html.
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self' blob:; " +
    "img-src 'self' blob: data:; style-src 'self'; manifest-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; " +
    "require-trusted-types-for 'script'; trusted-types bodymap",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

/** Fetched when first used: engines, full-size samples, networks without weights. */
const ON_USE = /^(pkg|samples|models\/m2fp)\/(?!.*\.thumb\.jpg$)/;
/**
 * Never kept here: bodymap.js keeps models under their hash, who runs the site edits embed.json, the rest is of no use
 * to the page.
 */
const NOT_KEPT = /^models\/(?!m2fp\/).*\.onnx$|\.d\.ts$|^(files\.json|embed\.json|sw\.js)$/;

scope.addEventListener('install', (event) => event.waitUntil(install()));
scope.addEventListener('activate', (event) => event.waitUntil(activate()));
scope.addEventListener('message', ({ data }) => {
  if (data === 'claim') scope.clients.claim();
  if (data === 'take over') scope.skipWaiting();
});
scope.addEventListener('fetch', (event) => {
  const { request } = event;
  if (!request.url.startsWith(ROOT)) return;
  if (request.method === 'POST' && request.url.split('?')[0] === SERVICE) event.respondWith(parse(request));
  if (request.method !== 'GET') return;
  event.respondWith(request.mode === 'navigate' ? navigate(request) : answer(request));
});

async function install() {
  const response = await fetch(LIST, { cache: 'no-cache' });
  if (!response.ok) throw new Error(`files.json: HTTP status ${response.status}`);
  const cache = await caches.open(CACHE);
  const kept = response.clone();
  const files = (await response.json()).filter((/** @type {SiteFile} */ { path }) => !NOT_KEPT.test(path));
  await Promise.all(
    files.map(async (/** @type {SiteFile} */ file) => {
      const body = (await fromOlderBuild(file)) ?? (ON_USE.test(file.path) ? null : await fetchChecked(file));
      if (body) await cache.put(ROOT + file.path, body);
    }),
  );
  // Last, so that a list means a complete shell.
  await cache.put(LIST, kept);
}

async function activate() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(OURS) && name !== CACHE).map((name) => caches.delete(name)));
  await scope.clients.claim();
}

/** When a newer build was told to take over; from then on no page of this one is begun. */
let handedOver = -Infinity;

/**
 * The page of this build; or, if a newer build waits and no other page is
 * open, an empty page that is loaded again as soon as the newer one has taken over.
 *
 * @param {Request} request
 */
async function navigate(request) {
  const { waiting } = scope.registration;
  if (waiting && (await scope.clients.matchAll({ type: 'window' })).length <= 1) {
    waiting.postMessage('take over');
    handedOver = performance.now();
  }
  // The newer one takes a moment, in which this one may be asked again while
  // the page before is still being put away.
  if (performance.now() - handedOver > HAND_OVER_TIME) return answer(request);
  const nonce = crypto.randomUUID();
  // Without an icon of its own the browser would ask for /favicon.ico.
  const page =
    '<!doctype html><link rel="icon" href="data:,">' +
    `<script nonce="${nonce}">(${loadAgain})(${HAND_OVER_PATIENCE})</script>`;
  const policy = `default-src 'none'; img-src data:; script-src 'nonce-${nonce}'; base-uri 'none'; form-action 'none'`;
  return new Response(page, { headers: { ...HEADERS, 'Content-Type': 'text/html', 'Content-Security-Policy': policy } });
}

/**
 * Runs in the empty page. What this worker is asked while the newer one takes over may never be answered, so that the
 * page has its script inside and asks for nothing before.
 *
 * @param {number} patience milliseconds
 */
function loadAgain(patience) {
  // In a page, not in a worker as all other code here.
  const again = () => Object(location).reload();
  navigator.serviceWorker.addEventListener('controllerchange', again);
  navigator.serviceWorker.getRegistration().then((registration) => registration?.waiting || again());
  setTimeout(again, patience);
}

/** @param {Request} request */
async function answer(request) {
  const { origin, pathname } = new URL(request.url);
  const url = origin + pathname;
  const path = url.slice(ROOT.length) || 'index.html';
  const cache = await caches.open(CACHE);
  const kept = await cache.match(ROOT + path);
  if (kept) return kept;
  const list = await cache.match(LIST);
  /** @type {SiteFile[]} */
  const files = list ? await list.json() : [];
  const file = files.find((candidate) => candidate.path === path);
  if (!file || NOT_KEPT.test(path)) return withHeaders(await fetch(request));
  const fetched = await fetchChecked(file);
  // Over quota the page works on, from the network.
  await cache.put(ROOT + path, fetched.clone()).catch(() => {});
  return fetched;
}

/** @param {Request} request a photo as the field `image` of a form, or as the whole body; read as the service reads it */
async function parse(request) {
  const options = new Map();
  for (const [name, value] of new URL(request.url).searchParams) {
    if (!OPTIONS.includes(name)) {
      return failure(400, 'bad-option', `${JSON.stringify(name)} is no option; there are ${OPTIONS.join(' and ')}`);
    }
    if (options.has(name)) return failure(400, 'bad-option', `the option ${name} is given twice`);
    options.set(name, value);
  }
  const image = await photoOf(request).catch((error) => failure(400, 'bad-request', `the request cannot be read: ${error}`));
  if (image instanceof Response) return image;
  const found = await ask({ image, setting: options.get('setting') ?? null, format: options.get('format') ?? null });
  if (!found) return failure(503, 'no-page', `no page that could parse the photo is open; open ${ROOT}`);
  const { status, body, code, message } = found;
  return body ? new Response(body, { status, headers: HEADERS }) : failure(status, code, message);
}

/**
 * @param {Request} request
 * @returns {Promise<Blob | Response>} its photo, or the answer that says why it has none
 */
async function photoOf(request) {
  const type = (request.headers.get('Content-Type') ?? '').split(';')[0].trim().toLowerCase();
  if (!type.startsWith('multipart/')) return request.blob();
  if (type !== 'multipart/form-data') {
    return failure(415, 'unsupported-format', `a body of ${type} is not read; send a form (multipart/form-data) or the photo's bytes`);
  }
  const form = await request.formData();
  const option = OPTIONS.find((name) => typeof form.get(name) === 'string');
  if (option) {
    return failure(400, 'bad-option', `the form has the field "${option}"; write it into the address: /parse?${option}=`);
  }
  /** @type {[string, File][]} */
  const files = [];
  for (const [name, value] of form) if (value instanceof File) files.push([name, value]);
  // A form in which no file was chosen sends an empty one without a name.
  const chosen = files.filter(([, { size, name }]) => size > 0 || name !== '');
  if (chosen.length > 1) {
    return failure(422, 'several-photos', 'the form has more than one file; send each photo in a request of its own');
  }
  const isImage = (/** @type {[string, File]} */ [name]) => name === 'image';
  const [, image] = chosen.find(isImage) ?? files.find(isImage) ?? [];
  return image ?? failure(422, 'no-photo', 'the form has no field "image"; send the photo\'s file in it');
}

/**
 * The answer of the first page that offers to parse; null if none does, or if it is closed over it.
 *
 * @param {{ image: Blob, setting: string | null, format: string | null }} question
 * @returns {Promise<{ status: number, body?: Blob, code: string, message: string } | null>}
 */
async function ask(question) {
  const pages = await scope.clients.matchAll({ type: 'window' });
  return new Promise((resolve) => {
    /** @type {number | undefined} */
    let looks;
    const nobody = setTimeout(() => resolve(null), OFFER_TIME);
    for (const page of pages) {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.onmessage = ({ data }) => {
          clearInterval(looks);
          resolve(data);
        };
        if (looks !== undefined) return;
        clearTimeout(nobody);
        port1.postMessage(question);
        looks = setInterval(async () => {
          if (await scope.clients.get(page.id)) return;
          clearInterval(looks);
          resolve(null);
        }, LOOK_TIME);
      };
      page.postMessage('who can parse?', [port2]);
    }
  });
}

/**
 * @param {number} status
 * @param {string} code
 * @param {string} message
 */
function failure(status, code, message) {
  const body = JSON.stringify({ error: { code, message } });
  return new Response(body, { status, headers: { ...HEADERS, 'Content-Type': 'application/json' } });
}

/** @param {SiteFile} file */
async function fetchChecked(file) {
  const response = await fetch(ROOT + file.path, { cache: 'no-cache' });
  const checked = response.ok && (await check(response, file));
  if (checked) return checked;
  // Another build is being served: the browser looks for its service worker.
  scope.registration.update().catch(() => {});
  throw new Error(`${file.path} is not of this build`);
}

/** @param {SiteFile} file */
async function fromOlderBuild(file) {
  for (const name of await caches.keys()) {
    const kept = name.startsWith(OURS) && name !== CACHE && (await (await caches.open(name)).match(ROOT + file.path));
    const checked = kept && (await check(kept, file));
    if (checked) return checked;
  }
  return null;
}

/**
 * @param {Response} response
 * @param {SiteFile} file
 * @returns {Promise<Response | null>} with our headers; null if it is another file
 */
async function check(response, { sha256 }) {
  const body = await response.arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', body));
  const hash = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hash === sha256 ? withHeaders(new Response(body, response)) : null;
}

/** @param {Response} response */
function withHeaders(response) {
  // An opaque or redirect answer cannot be changed.
  if (response.status === 0 || response.type === 'opaqueredirect') return response;
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(HEADERS)) headers.set(name, value);
  const { status, statusText } = response;
  return new Response(response.body, { status, statusText, headers });
}
