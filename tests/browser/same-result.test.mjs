import assert from 'node:assert/strict';
import { test } from 'node:test';

import { openPage } from './browser.mjs';
import { agreement, native, readLabelMap, samples } from './label-map.mjs';
import { HOST } from './site.mjs';

/**
 * Label maps of all samples, as PNG, from the embedding API, and the folder of the module that made them.
 *
 * @param {import('node:test').TestContext} context
 * @param {number} threads
 * @param {boolean} relaxed whether relaxed SIMD may be used
 */
async function parseInPage(context, threads, relaxed) {
  /** @type {Set<string>} */
  const flavours = new Set();
  const { page } = await openPage(context, {
    path: HOST,
    context: { serviceWorkers: 'block' },
    alter(path, body) {
      const [, flavour] = path.match(/^pkg\/(.*)\/bodymap_bg.wasm$/) ?? [];
      if (flavour) flavours.add(flavour);
      if (path !== 'worker/relaxed-simd.js' || relaxed) return body;
      return Buffer.from('export const RELAXED_SIMD = false;');
    },
  });
  const parsed = await page.evaluate(
    async ({ names, wanted }) => {
      const { BodyMap } = await import(/** @type {any} */ ('/bodymap.js'));
      const bodymap = await BodyMap.load({ threads: wanted });
      const maps = [];
      for (const name of names) {
        const parsing = await bodymap.parse(await (await fetch(`/samples/${name}`)).blob());
        const bytes = new Uint8Array(await (await parsing.export('labelmap')).arrayBuffer());
        maps.push(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
      }
      return { threads: bodymap.threads, maps };
    },
    { names: samples, wanted: threads },
  );
  return { ...parsed, flavours: [...flavours] };
}

for (const flavour of ['threadless', 'threaded', 'threadless-relaxed', 'threaded-relaxed']) {
  test(`the ${flavour} module gives the label maps of the native binary`, async (context) => {
    const threads = flavour.startsWith('threaded') ? 2 : 1;
    const parsed = await parseInPage(context, threads, flavour.endsWith('relaxed'));
    assert.equal(parsed.threads, threads);
    assert.deepEqual(parsed.flavours, [flavour]);
    assert.equal(samples.length, 5);
    for (const [i, sample] of samples.entries()) {
      const expected = await native(sample);
      const same = agreement(Buffer.from(parsed.maps[i], 'latin1'), expected);
      context.diagnostic(`${sample}: ${(100 * same).toFixed(3)} % of the pixels agree`);
      assert.ok(same >= 0.999, `${sample}: ${same}`);
      const classes = new Set(readLabelMap(expected).labels);
      assert.ok(classes.size > 3, `${sample} has the classes ${[...classes]} only`);
    }
  });
}
