import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { SAMPLES, openPage, parseSample, ready, result } from './browser.mjs';
import { SITE } from './site.mjs';

const HOPPER = 'mpl_grace_hopper.jpg';

test('no request is made while a photo is parsed, painted and exported', async (context) => {
  const { page, context: profile, site } = await openPage(context);
  await ready(page);
  /** @type {string[]} */
  const requests = [];
  profile.on('request', (request) => {
    if (!request.url().startsWith('blob:')) requests.push(request.url());
  });
  // The browser looks for a newer service worker when it pleases; that request carries nothing.
  const served = () => site.requests.filter((path) => path !== '/sw.js');
  const before = served().length;
  await parseSample(page, HOPPER);
  await page.locator('#legend [type=checkbox]').first().uncheck();
  await page.locator('#downloads summary').click();
  // Chromium may ask before the eleventh download in a row.
  for (const button of (await page.locator('#downloads button').all()).slice(0, 10)) {
    await Promise.all([page.waitForEvent('download'), button.click()]);
  }
  assert.deepEqual(requests, []);
  assert.deepEqual(served().slice(before), []);
  // The measure works: the next sample photo is seen.
  await page.locator('#samples button').first().click();
  await page.locator('[data-view=busy]').waitFor();
  await result(page);
  assert.ok(requests.length > 0);
  assert.deepEqual(served().slice(before), ['/samples/skimage_astronaut.png']);
});

test('after the first load the page works without a server', async (context) => {
  const { page, site } = await openPage(context, { expected: /ERR_FAILED|ERR_CONNECTION_REFUSED|FetchEvent/ });
  await page.locator('#readiness[data-i18n="ready.offline"]').waitFor();
  const threads = await page.evaluate(() => navigator.hardwareConcurrency);
  await site.close();
  await page.reload();
  await ready(page);
  await page.setInputFiles('#file', SAMPLES + HOPPER);
  await result(page);
  assert.match(await page.locator('#timings').innerText(), new RegExp(`threads: ${Math.min(threads, 8)}\\.`));
  await page.selectOption('#language', 'zh');
  await page.locator('html[lang=zh-Hans]').waitFor();
  // A sample photo that has not been looked at yet is not there, and the page says so.
  await page.locator('#samples button').first().click();
  await page.locator('.notice.error[data-code=download-failed]').waitFor();
});

test('on plain hosting in a folder the page reloads once and is cross-origin isolated', async (context) => {
  const { page, site } = await openPage(context, { headers: false, prefix: '/some/project/' });
  let loads = 0;
  page.on('load', () => loads++);
  await ready(page);
  assert.equal(await page.evaluate(() => globalThis.crossOriginIsolated), true);
  assert.ok(loads <= 1, `${loads} loads after the first`);
  await parseSample(page, HOPPER);
  // From now on it is isolated at once.
  loads = 0;
  await page.reload();
  await ready(page);
  assert.equal(await page.evaluate(() => globalThis.crossOriginIsolated), true);
  assert.equal(loads, 1);
  assert.ok(site.requests.every((path) => path.startsWith('/some/project/')));
});

test('the worker may not reach other servers, on plain hosting either', async (context) => {
  for (const headers of [true, false]) {
    const { page } = await openPage(context, { headers, expected: /CSP in worker: connect-src|example\.org/ });
    await ready(page);
    const [worker] = page.workers();
    const violated = await worker.evaluate(
      () =>
        new Promise((resolve) => {
          globalThis.addEventListener('securitypolicyviolation', (event) => resolve(Object(event).violatedDirective));
          fetch('https://example.org/').then(() => resolve('nothing')).catch(() => {});
        }),
    );
    assert.equal(violated, 'connect-src');
  }
});

test('the service worker sends the policy of the page, and every page has the same', async () => {
  const names = ['sw.js', 'index.html', 'embed.html', 'demo/element.html', 'demo/frame.html', 'docs/licences.html'];
  const [script, html, ...others] = await Promise.all(names.map((path) => readFile(join(SITE, path), 'utf8')));
  const policy = /'Content-Security-Policy':\s*([^,]+),\n/.exec(script)?.[1] ?? '';
  const sent = [...policy.matchAll(/"([^"]*)"/g)].map(([, part]) => part).join('');
  for (const page of [html, ...others]) assert.equal(sent, /Content-Security-Policy" content="([^"]+)"/.exec(page)?.[1]);
});

test('where isolation cannot be had the page reloads once, not again and again', async (context) => {
  const { page, site } = await openPage(context, {
    headers: false,
    alter: (path, body) => (path === 'sw.js' ? Buffer.from(`${body}`.replace("'require-corp'", "'unsafe-none'")) : body),
  });
  let loads = 0;
  page.on('load', () => loads++);
  await ready(page);
  assert.equal(await page.evaluate(() => [globalThis.crossOriginIsolated, sessionStorage.length].join()), 'false,1');
  await parseSample(page, HOPPER);
  assert.match(await page.locator('#timings').innerText(), /threads: 1\./);
  assert.ok(loads <= 1, `${loads} loads after the first`);
  assert.ok(site.requests.length > 0);
});

test('where the service worker cannot be installed the page works on without it', async (context) => {
  const { page } = await openPage(context, {
    alter: (path, body) => (path === 'files.json' ? renew(body, /"sha256": ?"[0-9a-f]/g, '"sha256":"x') : body),
    expected: /is not of this build/,
  });
  await page.locator('#readiness[data-i18n="ready.online"]').waitFor();
  await parseSample(page, HOPPER);
});

test('a new build is taken up by the next load, whole', async (context) => {
  let renewed = false;
  const { page, context: profile } = await openPage(context, {
    alter(path, body) {
      if (!renewed) return body;
      if (path === 'i18n/en.json') return renew(body, 'Choose photos', 'Choose pictures');
      if (path === 'sw.js') return renew(body, /const CACHE = .*/, 'const CACHE = `${OURS}next`;');
      if (path !== 'files.json') return body;
      const files = JSON.parse(`${body}`);
      files.find((/** @type {any} */ file) => file.path === 'i18n/en.json').sha256 = newHash;
      return Buffer.from(JSON.stringify(files));
    },
  });
  const newHash = await page.evaluate(async () => {
    const text = (await (await fetch('i18n/en.json')).text()).replace('Choose photos', 'Choose pictures');
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
    return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
  });
  await page.locator('#readiness[data-i18n="ready.offline"]').waitFor();
  const wasm = () =>
    page.evaluate(async () => {
      const names = (await caches.keys()).filter((name) => name.startsWith('bodymap site'));
      const keys = (await Promise.all(names.map(async (name) => (await caches.open(name)).keys()))).flat();
      return { names, wasm: keys.filter(({ url }) => url.endsWith('.wasm')).length };
    });
  const before = await wasm();
  assert.deepEqual([before.names.length, before.wasm], [1, 1]);
  renewed = true;
  await page.evaluate(async () => {
    const registration = /** @type {ServiceWorkerRegistration} */ (await navigator.serviceWorker.getRegistration());
    const found = new Promise((resolve) => registration.addEventListener('updatefound', resolve));
    await registration.update();
    await found;
    const { installing } = registration;
    await new Promise((resolve) => {
      if (!installing) return resolve(null);
      installing.addEventListener('statechange', () => installing.state === 'installed' && resolve(null));
    });
  });
  assert.equal(await page.innerText('#drop strong'), 'Choose photos');
  // The worker of the page hears of the new one by a way of its own, a little later.
  const heard = profile.serviceWorkers().map((worker) =>
    worker.evaluate(async () => {
      const { registration } = Object(self);
      while (!registration.waiting) await new Promise((resolve) => setTimeout(resolve, 20));
    }),
  );
  assert.equal(heard.length, 2);
  await Promise.all(heard);
  // What is loaded first is an empty page, which gives way to the new one.
  await page.reload({ waitUntil: 'commit' });
  await page.locator('#drop strong', { hasText: 'Choose pictures' }).waitFor();
  await ready(page);
  await page.waitForFunction(async () => (await caches.keys()).filter((name) => name.startsWith('bodymap site')).length === 1);
  const after = await wasm();
  assert.match(after.names[0], / next$/);
  // The engine was the same in both builds and has not been fetched again.
  assert.equal(after.wasm, 1);
});

/**
 * @param {Buffer} body
 * @param {string | RegExp} from
 * @param {string} to
 */
function renew(body, from, to) {
  const text = `${body}`;
  const changed = text.replace(from, () => to);
  assert.notEqual(changed, text);
  return Buffer.from(changed);
}
