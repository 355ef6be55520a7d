import { BodyMapError } from '../api/error.js';
import { download } from './download.js';

/** @typedef {import('../bodymap.d.ts').ModelCard} ModelCard */

const CACHE = 'bodymap models 1';

/**
 * The model's card and its files, joined. Each file is kept in the Cache API
 * under its hash and checked each time it is read.
 *
 * @param {string} modelUrl folder
 * @param {(fraction: number) => void} report
 * @returns {Promise<{ cardJson: string, bytes: Uint8Array<ArrayBuffer> }>}
 */
export async function fetchModel(modelUrl, report) {
  report(0);
  const cardJson = await (await download(`${modelUrl}card.json`)).text();
  const { files } = readCard(cardJson);
  const size = files.reduce((sum, file) => sum + file.bytes, 0);
  const bytes = allocate(size);
  let done = 0;
  for (const file of files) {
    const place = bytes.subarray(done, done + file.bytes);
    await fetchFile(modelUrl, file, place, (got) => report((done + got) / size));
    done += file.bytes;
  }
  report(1);
  return { cardJson, bytes };
}

/**
 * @param {string} cardJson
 * @returns {ModelCard}
 */
function readCard(cardJson) {
  try {
    const card = JSON.parse(cardJson);
    if (Array.isArray(card.files)) return card;
  } catch {
    // Reported below; the engine checks everything else.
  }
  throw new BodyMapError('bad-card', 'the model card is not JSON that names the files of the model');
}

/** @param {number} size */
function allocate(size) {
  try {
    return new Uint8Array(size);
  } catch (cause) {
    throw new BodyMapError('out-of-memory', `there is no memory for a model of ${size} bytes`, cause);
  }
}

/**
 * @param {string} modelUrl
 * @param {ModelCard['files'][number]} file
 * @param {Uint8Array<ArrayBuffer>} place of the file's size
 * @param {(got: number) => void} report
 */
async function fetchFile(modelUrl, { path, sha256 }, place, report) {
  const url = new URL(path, modelUrl).href;
  const key = `${url}?sha256=${sha256}`;
  const cache = await openCache();
  const kept = await cache?.match(key);
  if (kept) {
    if ((await fill(place, kept, report)) && (await hashIs(place, sha256))) return;
    await cache?.delete(key);
  }
  if (!(await fill(place, await download(url), report)) || !(await hashIs(place, sha256))) {
    throw new BodyMapError('wrong-hash', `${path} is not the file its model card names; reload the page`);
  }
  if (cache) await keep(cache, key, place);
}

/** The Cache API is missing outside secure contexts and refuses in some private windows. */
async function openCache() {
  try {
    return await globalThis.caches.open(CACHE);
  } catch {
    return null;
  }
}

/**
 * @param {Uint8Array} place
 * @param {Response} response
 * @param {(got: number) => void} report
 * @returns {Promise<boolean>} whether the body had exactly the size of the place
 */
async function fill(place, response, report) {
  const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
  let got = 0;
  for (;;) {
    const { done, value } = await reader.read().catch((cause) => {
      throw new BodyMapError('download-failed', 'the download of the model broke off; try again', cause);
    });
    if (done) return got === place.length;
    if (got + value.length > place.length) {
      await reader.cancel();
      return false;
    }
    place.set(value, got);
    got += value.length;
    report(got);
  }
}

/**
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {string} sha256
 */
async function hashIs(bytes, sha256) {
  // Outside secure contexts there is no digest; the engine checks the hash as well.
  if (!globalThis.crypto.subtle) return true;
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('') === sha256;
}

/**
 * Keeps the file in place of its older versions. Where there is no room the
 * work goes on without.
 *
 * @param {Cache} cache
 * @param {string} key
 * @param {Uint8Array<ArrayBuffer>} bytes
 */
async function keep(cache, key, bytes) {
  try {
    const older = await cache.keys(key, { ignoreSearch: true });
    await Promise.all(older.map((request) => cache.delete(request)));
    await cache.put(key, new Response(bytes));
  } catch {
    // Over quota: fetched again next time.
  }
}
