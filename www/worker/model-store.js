import { BodyMapError } from '../api/error.js';
import { storedModel } from '../api/stored-models.js';
import { download } from './download.js';

/**
 * @typedef {import('../bodymap.d.ts').ModelCard} ModelCard
 *
 * @typedef {{ url: string } | { stored: string } | { card: Blob, files: Blob[] }} ModelSource
 *   the address of a card; the id of a model kept on this device; or files
 *
 * @typedef {object} OpenedModel
 * @property {string} cardJson
 * @property {Blob} file the files of the card, joined; what is in it is for the engine to check
 */

const CACHE = 'bodymap models 1';

/**
 * The model's card and files. Of files that are downloaded each is kept in the Cache API under
 * its hash and checked each time it is read: what broke off goes on with those that are missing.
 *
 * @param {ModelSource} source
 * @param {(cardJson: string) => void} check throws if the card of a model to download is not one that can be read
 * @param {(fraction: number) => void} report
 * @returns {Promise<OpenedModel>}
 */
export async function openModel(source, check, report) {
  report(0);
  const opened = await ('url' in source ? fetchModel(source.url, check, report) : openLocal(source));
  report(1);
  return opened;
}

/** @param {{ stored: string } | { card: Blob, files: Blob[] }} source */
async function openLocal(source) {
  const { card, files } = 'stored' in source ? await storedModel(source.stored) : source;
  return { cardJson: await card.text(), file: new Blob(files) };
}

/**
 * @param {string} cardUrl
 * @param {(cardJson: string) => void} check throws if the card is not one that can be read
 * @param {(fraction: number) => void} report
 * @returns {Promise<OpenedModel>}
 */
async function fetchModel(cardUrl, check, report) {
  const cardJson = await (await download(cardUrl)).text();
  check(cardJson);
  /** @type {ModelCard} */
  const { files } = JSON.parse(cardJson);
  const size = files.reduce((sum, file) => sum + file.bytes, 0);
  const blobs = [];
  let done = 0;
  for (const file of files) {
    blobs.push(await fetchFile(cardUrl, file, (got) => report((done + got) / size)));
    done += file.bytes;
  }
  return { cardJson, file: new Blob(blobs) };
}

/**
 * @param {string} cardUrl
 * @param {ModelCard['files'][number]} file
 * @param {(got: number) => void} report
 * @returns {Promise<Blob>}
 */
async function fetchFile(cardUrl, { path, bytes: size, sha256 }, report) {
  const url = new URL(path, cardUrl).href;
  const key = `${url}?sha256=${sha256}`;
  const cache = await openCache();
  const kept = await (await cache?.match(key))?.blob();
  if (kept) {
    if (kept.size === size && (await hashIs(await kept.arrayBuffer(), sha256))) {
      report(size);
      return kept;
    }
    await cache?.delete(key);
  }
  const bytes = allocate(size);
  if (!(await fill(bytes, await download(url), report)) || !(await hashIs(bytes, sha256))) {
    throw new BodyMapError('wrong-hash', `${path} is not the file its model card names; try again`);
  }
  return (await keep(cache, key, bytes)) ?? new Blob([bytes]);
}

/** @param {number} size */
function allocate(size) {
  try {
    return new Uint8Array(size);
  } catch (cause) {
    throw new BodyMapError('out-of-memory', `there is no memory for a model file of ${size} bytes`, cause);
  }
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
 * @param {ArrayBuffer | Uint8Array<ArrayBuffer>} bytes
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
 * @param {Cache | null} cache
 * @param {string} key
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @returns {Promise<Blob | undefined>} as it is kept, outside of the memory
 */
async function keep(cache, key, bytes) {
  if (!cache) return undefined;
  try {
    const older = await cache.keys(key, { ignoreSearch: true });
    await Promise.all(older.map((request) => cache.delete(request)));
    await cache.put(key, new Response(bytes));
    return (await cache.match(key))?.blob();
  } catch {
    // Over quota: fetched again next time.
    return undefined;
  }
}
