// A model of full size in the browser: what it takes in time and memory.
//
// usage: node tests/browser/full-size.mjs CHECKPOINT PHOTO [OUT]
//
// Imports the checkpoint as the page does, in f16, and parses the photo twice with one thread and
// with two; the first time holds the preparation of the network for this size of photo. Writes
// ModelScope's JSON of the photo to OUT, for models/evaluation/compare_m2fp.py. Needs the site in
// dist/ (scripts/build) and Chromium, as the tests do. Fails if the engine takes more than 700 MB.

import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { test } from 'node:test';

import { openPage } from './browser.mjs';
import { HOST } from './site.mjs';

const MOST_MEMORY = 700e6;
const [checkpoint, photo, out] = process.argv.slice(2);
assert.ok(photo, 'usage: node tests/browser/full-size.mjs CHECKPOINT PHOTO [OUT]');

test(`${basename(checkpoint)} and ${basename(photo)}`, async (context) => {
  const { page } = await openPage(context, { path: HOST, context: { serviceWorkers: 'block' } });
  await page.evaluate(() => {
    for (const id of ['checkpoint', 'photo']) document.body.append(Object.assign(document.createElement('input'), { type: 'file', id }));
  });
  await page.setInputFiles('#checkpoint', checkpoint);
  await page.setInputFiles('#photo', photo);
  const say = (/** @type {string} */ what, /** @type {object} */ figures) => context.diagnostic(`${what}: ${JSON.stringify(figures)}`);

  const imported = await page.evaluate(async () => {
    const { BodyMap } = await import(/** @type {any} */ ('/bodymap.js'));
    const file = /** @type {HTMLInputElement} */ (document.getElementById('checkpoint')).files?.[0];
    const bodymap = await BodyMap.load({ threads: 2 });
    const began = performance.now();
    const { card } = await bodymap.inspectCheckpoint(file);
    const inspected = performance.now();
    const { id, bytes } = await bodymap.importCheckpoint(file, { licence: card.licence.name });
    const { memory } = bodymap;
    bodymap.dispose();
    return { id, bytes, inspect: inspected - began, import: performance.now() - inspected, memory };
  });
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
    assert.ok(figures.segments > 0 && figures.memory <= MOST_MEMORY, `${figures.memory} bytes`);
    if (!out) continue;
    await mkdir(out, { recursive: true });
    await writeFile(join(out, `${basename(photo).replace(/\.\w+$/, '')}.${threads}.modelscope.json`), json);
  }
});
