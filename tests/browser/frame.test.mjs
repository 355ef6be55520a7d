import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SAMPLES, openPage } from './browser.mjs';
import { agreement, native } from './label-map.mjs';
import { HOST, serveSite } from './site.mjs';

const HOPPER = 'mpl_grace_hopper.jpg';
/** Of the page; it must allow the frame. */
const POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'; img-src data:; frame-src http:";

/**
 * A page that takes bodymap-frame.js from its own origin and has photos parsed by a frame of another one.
 *
 * @param {import('node:test').TestContext} context
 * @param {(origin: string) => string[]} listed in embed.json of the other site, for a page of that origin
 * @param {{ isolated?: boolean, expected?: RegExp, policy?: string, pages?: { [path: string]: string } }} [options]
 */
async function openWithFrame(context, listed, { isolated = false, expected, policy = POLICY, pages } = {}) {
  /** @type {string[]} */
  let origins = [];
  const other = await serveSite({
    headers: isolated,
    more: isolated ? { 'cross-origin-resource-policy': 'cross-origin' } : {},
    alter: (path, body) => (path === 'embed.json' ? Buffer.from(JSON.stringify({ origins })) : body),
  });
  context.after(() => other.close());
  const { page, site } = await openPage(context, {
    path: HOST,
    pages,
    headers: isolated,
    more: { 'content-security-policy': policy },
    others: [other.url],
    context: { serviceWorkers: 'block' },
    expected,
  });
  const { origin } = new URL(site.url);
  origins = listed(origin);
  await page.evaluate(async () => Object.assign(globalThis, await import(/** @type {any} */ ('/bodymap-frame.js'))));
  return { page, url: `${other.url}embed.html`, origin, other };
}

/* What runs inside page.evaluate sees these. */
/* global BodyMapFrame, ask */

test('a page of a listed origin has photos parsed in the frame', async (context) => {
  const { page, url, origin, other } = await openWithFrame(context, (own) => ['https://else.example', own]);
  const found = await page.evaluate(
    async ([address, name]) => {
      /** @type {Set<string>} */
      const stages = new Set();
      const onProgress = (/** @type {{ stage: string }} */ { stage }) => void stages.add(stage);
      const frame = await BodyMapFrame.open(address, { parent: document.body, onProgress });
      const photo = new File([await (await fetch(`/samples/${name}`)).blob()], 'admiral.jpg');
      const { width, height, labels, people, files } = await frame.parse(photo, {
        formats: ['labelmap', 'overlay'],
        opacity: 0.5,
        onProgress,
      });
      const map = Array.from(new Uint8Array(await files[0].arrayBuffer()), (byte) => String.fromCharCode(byte)).join('');
      const sizes = [width * height, labels.length, people.length];
      const names = files.map((/** @type {File} */ file) => file.name);
      return { sizes, map, names, stages: [...stages], threads: frame.threads, classes: frame.classes.length };
    },
    [url, HOPPER],
  );
  assert.deepEqual(found.sizes, [512 * 600, 512 * 600, 512 * 600]);
  assert.deepEqual(found.names, ['admiral.png', 'admiral.overlay.png']);
  assert.deepEqual(found.stages, ['wasm', 'model', 'decode', 'inference', 'finish']);
  assert.deepEqual([found.threads, found.classes], [1, 20]);
  assert.ok(agreement(Buffer.from(found.map, 'latin1'), await native(HOPPER)) >= 0.999);
  const told = await page.frameLocator('iframe').locator('#status').innerText();
  assert.ok(told.includes(origin), told);
  // The photo came by the channel alone.
  assert.ok(other.requests.every((path) => !path.includes('samples')));
});

test('a page of any other origin is refused', async (context) => {
  const lists = [
    () => [],
    (/** @type {string} */ own) => [own.replace('127.0.0.1', 'localhost')],
    (/** @type {string} */ own) => [`${own}/`, own.replace('http:', 'https:'), own.replace(/:\d+$/, '')],
    () => ['*', 'null', 'http://*'],
  ];
  for (const listed of lists) {
    const { page, url, other } = await openWithFrame(context, listed, { expected: /embed\.json: .* is no origin/ });
    const outcome = await page.evaluate(async (address) => {
      const failure = await BodyMapFrame.open(address).catch((/** @type {any} */ error) => error);
      return [failure.code, document.querySelectorAll('iframe').length];
    }, url);
    assert.deepEqual(outcome, ['origin-refused', 0]);
    // Not even the engine is fetched for it.
    assert.ok(other.requests.every((path) => !path.startsWith('/pkg/')));
  }
});

/** Asks the page in a window for a connection; what it answers within a second. */
const ASK = `const ask = (target, hello) => new Promise((resolve) => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = ({ data }) => resolve(data.refused?.code ?? 'answered');
  target.postMessage(hello, '*', [port2]);
  setTimeout(() => resolve('nothing'), 1000);
});`;

test('only the page around the frame is heard, and only when it greets as it should', async (context) => {
  const pages = {
    'sibling.html': '<!doctype html><title>sibling</title><script src="ask.js"></script><script src="sibling.js"></script>',
    'ask.js': ASK,
    'sibling.js': "ask(parent.frames[0], { kind: 'bodymap hello', protocol: 1 }).then((answer) => parent.told(answer));",
  };
  const { page, url } = await openWithFrame(context, (own) => [own], { pages });
  await page.addScriptTag({ url: '/ask.js' });
  const answers = await page.evaluate(async (address) => {
    const load = (/** @type {string} */ src) => {
      const frame = document.createElement('iframe');
      frame.src = src;
      document.body.append(frame);
      return new Promise((resolve) => frame.addEventListener('load', () => resolve(frame)));
    };
    const { contentWindow: embed } = await load(address);
    const sibling = new Promise((resolve) => Object.assign(globalThis, { told: resolve }));
    await load('/sibling.html');
    const found = [await sibling];
    for (const hello of [null, 'bodymap hello', { kind: 'hello', protocol: 1 }, { kind: 'bodymap hello' }]) {
      found.push(await ask(embed, hello));
    }
    for (const protocol of [2, 1]) found.push(await ask(embed, { kind: 'bodymap hello', protocol }));
    return found;
  }, url);
  assert.deepEqual(answers, ['nothing', 'nothing', 'nothing', 'nothing', 'nothing', 'bad-request', 'answered']);
});

test('a page without an origin is refused', async (context) => {
  const policy = "script-src 'unsafe-inline' 'self'; frame-src http: data:";
  const { page, url } = await openWithFrame(context, () => ['null'], { policy, expected: /embed\.json: "null" is no origin/ });
  const answer = await page.evaluate(
    ([address, script]) => {
      const html = `<iframe src="${address}"></iframe><script>${script}
        onload = async () => parent.postMessage(await ask(frames[0], { kind: 'bodymap hello', protocol: 1 }), '*');</script>`;
      const frame = document.createElement('iframe');
      frame.src = `data:text/html,${encodeURIComponent(html)}`;
      document.body.append(frame);
      return new Promise((resolve) => {
        globalThis.addEventListener('message', ({ data, origin }) => resolve(`${origin} ${data}`));
      });
    },
    [url, ASK],
  );
  assert.equal(answer, 'null origin-refused');
});

test('errors keep their codes, an abort stops the work in the frame, closing ends it', async (context) => {
  const { page, url } = await openWithFrame(context, (own) => [own], { expected: /404/ });
  const outcome = await page.evaluate(
    async ([address, name]) => {
      const code = (/** @type {Promise<unknown>} */ promise) =>
        promise.then(
          () => 'done',
          (/** @type {any} */ error) => (typeof error.code === 'string' ? error.code : error.name),
        );
      const codes = [await code(BodyMapFrame.open('/samples/', { timeout: 500 }))];
      const frame = await BodyMapFrame.open(address);
      const photo = await (await fetch(`/samples/${name}`)).blob();
      codes.push(
        await code(frame.parse(new Blob(['no photo']))),
        await code(frame.parse(photo, { setting: 'best' })),
        await code(frame.parse(photo, { maxSide: /** @type {any} */ ('big') })),
        await code(frame.parse(photo, { formats: /** @type {any} */ (['xml']) })),
        await code(frame.parse(photo, { formats: ['coco'], name: '../x.jpg' })),
      );
      const aborter = new AbortController();
      let began = 0;
      const aborted = code(
        frame.parse(photo, {
          setting: 'fine',
          signal: aborter.signal,
          onProgress: ({ stage }) => {
            if (stage !== 'inference' || began) return;
            began = performance.now();
            aborter.abort();
          },
        }),
      );
      codes.push(await aborted);
      const took = performance.now() - began;
      const { width } = await frame.parse(photo, { maxSide: 300 });
      const last = code(frame.parse(photo));
      frame.close();
      codes.push(await last, await code(frame.parse(photo)));
      return { codes, took, width, frames: document.querySelectorAll('iframe').length };
    },
    [url, HOPPER],
  );
  const bad = 'bad-option';
  assert.deepEqual(outcome.codes, [
    'no-answer', 'unsupported-format', bad, 'bad-request', bad, bad, 'AbortError', 'disposed', 'disposed',
  ]);
  assert.deepEqual([outcome.width, outcome.frames], [256, 0]);
  assert.ok(outcome.took < 100, `${outcome.took} ms`);
});

test('in an isolated page the frame of another origin uses threads', async (context) => {
  const { page, url } = await openWithFrame(context, (own) => [own], { isolated: true });
  const [isolated, threads] = await page.evaluate(
    async (address) => [globalThis.crossOriginIsolated, (await BodyMapFrame.open(address)).threads],
    url,
  );
  const processors = await page.evaluate(() => navigator.hardwareConcurrency);
  assert.deepEqual([isolated, threads], [true, Math.min(processors, 8)]);
});

test('the demo page', async (context) => {
  const { page } = await openPage(context, { path: 'demo/frame.html', context: { serviceWorkers: 'block' } });
  await page.getByText('Choose a photo.').waitFor();
  await page.setInputFiles('[name=file]', SAMPLES + HOPPER);
  await page.getByText(/Segments found/).waitFor();
  assert.deepEqual(await page.locator('#found a').allInnerTexts(), [
    'mpl_grace_hopper.overlay.png', 'mpl_grace_hopper.coco.json', 'mpl_grace_hopper.cvat.zip',
  ]);
  const width = await page.locator('#overlay').evaluate((image) => /** @type {HTMLImageElement} */ (image).naturalWidth);
  assert.equal(width, 512);
});
