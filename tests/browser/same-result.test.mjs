import assert from 'node:assert/strict';
import { test } from 'node:test';

import { openPage } from './browser.mjs';
import { agreement, native, readLabelMap, samples } from './label-map.mjs';
import { HOST } from './site.mjs';

/**
 * Label maps of all samples, as PNG, from the embedding API.
 *
 * @param {import('node:test').TestContext} context
 * @param {number} threads
 */
async function parseInPage(context, threads) {
  const { page } = await openPage(context, { path: HOST, context: { serviceWorkers: 'block' } });
  return page.evaluate(
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
}

for (const threads of [1, 2]) {
  test(`${threads} thread(s) in the browser give the label maps of the native binary`, async (context) => {
    const parsed = await parseInPage(context, threads);
    assert.equal(parsed.threads, threads);
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
