// A model of full size in the browser: what it takes in time and memory.
//
// usage: node tests/browser/full-size.mjs CHECKPOINT PHOTO [OUT [PRECISION]]
//
// Imports the checkpoint as the page does, in f16 if not told otherwise, and parses the photo twice
// with one thread and with two; the first time holds the preparation of the network for this size of
// photo. Writes ModelScope's JSON of the photo to OUT, for models/evaluation/compare_m2fp.py. Then
// parses it again and again and aborts at another time each, with two threads, with one, and with one
// where the page is not cross-origin isolated. Needs the site in dist/ (scripts/build) and Chromium, as
// the tests do. Fails if in f16 the engine takes more than 700 MB, or if workers are not gone in 100 ms.

import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { test } from 'node:test';

import { openPage } from './browser.mjs';
import { HOST } from './site.mjs';

const MOST_MEMORY = 700e6;
/** Milliseconds. */
const TIME_TO_GO = 100;
/** Parts of the inference that are done when it is aborted. */
const ABORTED_AT = [0.02, 0.2, 0.4, 0.6, 0.8, 0.99];
const [checkpoint, photo, out, precision = 'f16'] = process.argv.slice(2);
assert.ok(photo, 'usage: node tests/browser/full-size.mjs CHECKPOINT PHOTO [OUT [PRECISION]]');

/**
 * A page with the checkpoint and the photo in inputs.
 *
 * @param {import('node:test').TestContext} context
 * @param {boolean} isolated
 */
async function openWithFiles(context, isolated) {
  const { page } = await openPage(context, { path: HOST, headers: isolated, context: { serviceWorkers: 'block' } });
  await page.evaluate(() => {
    for (const id of ['checkpoint', 'photo']) document.body.append(Object.assign(document.createElement('input'), { type: 'file', id }));
  });
  await page.setInputFiles('#checkpoint', checkpoint);
  await page.setInputFiles('#photo', photo);
  return page;
}

/**
 * @param {import('playwright-core').Page} page
 * @param {string} wanted precision
 */
function importCheckpoint(page, wanted) {
  return page.evaluate(async (/** @type {any} */ asked) => {
    const { BodyMap } = await import(/** @type {any} */ ('/bodymap.js'));
    const file = /** @type {HTMLInputElement} */ (document.getElementById('checkpoint')).files?.[0];
    const bodymap = await BodyMap.load({ threads: 2 });
    const began = performance.now();
    const { card } = await bodymap.inspectCheckpoint(file);
    const inspected = performance.now();
    const { id, bytes } = await bodymap.importCheckpoint(file, { licence: card.licence.name, precision: asked });
    const { memory } = bodymap;
    bodymap.dispose();
    return { id, bytes, inspect: inspected - began, import: performance.now() - inspected, memory };
  }, wanted);
}

test(`${basename(checkpoint)} and ${basename(photo)}`, async (context) => {
  const page = await openWithFiles(context, true);
  const say = (/** @type {string} */ what, /** @type {object} */ figures) => context.diagnostic(`${what}: ${JSON.stringify(figures)}`);

  const imported = await importCheckpoint(page, precision);
  say('import, ms and bytes', imported);

  for (const threads of [1, 2]) {
    const { json, ...figures } = await page.evaluate(
      async ({ id, wanted }) => {
        const { BodyMap } = await import(/** @type {any} */ ('/bodymap.js'));
        const file = /** @type {HTMLInputElement} */ (document.getElementById('photo')).files?.[0];
        const began = performance.now();
        const bodymap = await BodyMap.load({ model: { stored: id }, threads: wanted });
        const load = performance.now() - began;
        const loaded = bodymap.memory;
        const first = await bodymap.parse(file);
        const second = await bodymap.parse(file);
        const { memory } = bodymap;
        const written = await (await second.export('modelscope')).text();
        const people = new Set(second.segments.map((/** @type {{ person: number }} */ { person }) => person)).size;
        bodymap.dispose();
        const segments = second.segments.length;
        return { threads: bodymap.threads, load, loaded, first: first.timings, second: second.timings, memory, segments, people, json: written };
      },
      { id: imported.id, wanted: threads },
    );
    say('ms and bytes', figures);
    assert.equal(figures.threads, threads);
    assert.ok(figures.segments > 0);
    assert.ok(precision !== 'f16' || figures.memory <= MOST_MEMORY, `${figures.memory} bytes`);
    if (!out) continue;
    await mkdir(out, { recursive: true });
    await writeFile(join(out, `${basename(photo).replace(/\.\w+$/, '')}.${threads}.modelscope.json`), json);
  }
});

for (const { threads, isolated } of [
  { threads: 2, isolated: true },
  { threads: 1, isolated: true },
  { threads: 1, isolated: false },
]) {
  test(`aborted with ${threads} threads, ${isolated ? '' : 'not '}isolated`, async (context) => {
    const page = await openWithFiles(context, isolated);
    const { id } = await importCheckpoint(page, precision);
    const labels = await page.evaluate(
      async ({ id: model, wanted }) => {
        const { BodyMap } = await import(/** @type {any} */ ('/bodymap.js'));
        const bodymap = await BodyMap.load({ model: { stored: model }, threads: wanted });
        const file = /** @type {HTMLInputElement} */ (document.getElementById('photo')).files?.[0];
        Object.assign(globalThis, { bodymap, file });
        return [...(await bodymap.parse(file)).labels];
      },
      { id, wanted: threads },
    );
    for (const part of ABORTED_AT) {
      const gone = page.workers().map((worker) => new Promise((resolve) => worker.on('close', () => resolve(Date.now()))));
      const { began, reason, rejected, memory } = await page.evaluate(async (wanted) => {
        const { bodymap, file } = Object(globalThis);
        const aborter = new AbortController();
        let at = 0;
        const onProgress = (/** @type {any} */ { stage, fraction }) => {
          if (at || stage !== 'inference' || fraction < wanted) return;
          at = performance.now();
          aborter.abort();
        };
        const name = await bodymap.parse(file, { signal: aborter.signal, onProgress }).catch((/** @type {Error} */ error) => error.name);
        return { began: performance.timeOrigin + at, reason: name, rejected: performance.now() - at, memory: bodymap.memory };
      }, part);
      assert.equal(reason, 'AbortError');
      const last = Math.max(.../** @type {number[]} */ (await Promise.all(gone))) - began;
      context.diagnostic(`at ${part}: rejected after ${rejected.toFixed(1)} ms, ${gone.length} workers gone after ${last.toFixed(0)} ms`);
      assert.equal(memory, 0);
      assert.ok(last <= TIME_TO_GO, `gone after ${last} ms`);
      // A worker is started again, and the network made ready, before the next is aborted.
      const next = await page.evaluate(async () => [...(await Object(globalThis).bodymap.parse(Object(globalThis).file)).labels]);
      assert.deepEqual(next, labels);
    }
  });
}
