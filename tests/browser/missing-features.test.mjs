import assert from 'node:assert/strict';
import { test } from 'node:test';

import { openPage, ready, result } from './browser.mjs';
import { HOST } from './site.mjs';
import { tryApi } from './trial.mjs';

// What WebKitGTK lacks, tried in the browser that every system has.

test('isolated without shared memory, one thread is used, and work can be stopped', async (context) => {
  const { page } = await openPage(context, { path: HOST, others: ['http://127.0.0.1:'] });
  await page.addInitScript(() => Reflect.deleteProperty(globalThis, 'SharedArrayBuffer'));
  const tab = {
    goto: (/** @type {string} */ url) => page.goto(url),
    run: (/** @type {any} */ task, /** @type {any} */ argument) => page.evaluate(task, argument),
  };
  const photos = ['mpl_grace_hopper.jpg'];
  const workersBegin = 'delete globalThis.SharedArrayBuffer;';
  const expected = { headers: true, threads: 2, isolated: true, shared: false, flavour: /^threadless/, photos, workersBegin };
  await tryApi(context, /** @type {import('./trial.mjs').Tab} */ (tab), expected);
});

test('where the browser keeps no files the page works, and models that would be kept are refused by name', async (context) => {
  const { page, site } = await openPage(context, { path: HOST });
  await page.addInitScript(() => Reflect.deleteProperty(Navigator.prototype, 'storage'));
  await page.goto(site.url);
  await ready(page);
  await page.locator('#samples button').first().click();
  await result(page);
  const codes = await page.evaluate(async () => {
    const { BodyMap } = await import(/** @type {any} */ ('/bodymap.js'));
    const code = (/** @type {{ code?: string }} */ error) => error.code;
    return Promise.all([BodyMap.storedModels().catch(code), BodyMap.removeModel('m').catch(code)]);
  });
  assert.deepEqual(codes, ['storage-unavailable', 'storage-unavailable']);
});
