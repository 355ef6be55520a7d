import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

import { agreement, readLabelMap, samples } from './label-map.mjs';
import { HOST, serveSite } from './site.mjs';

/**
 * What every browser is asked to do, whoever drives it.
 *
 * @typedef {object} Tab
 * @property {(url: string) => Promise<unknown>} goto
 * @property {<A, R>(task: (argument: A) => R, argument: A) => Promise<Awaited<R>>} run runs a function in the page
 *
 * @typedef {object} Expected
 * @property {boolean} isolated whether the page is cross-origin isolated
 * @property {boolean} shared whether memory can be shared with workers
 */

const [SHORT, LONG] = ['mpl_grace_hopper.jpg', 'facerec_biden.jpg'];
/** Milliseconds from an abort to the end of the worker and its threads. */
const TIME_TO_END = 1000;

/**
 * The page itself: it gets ready, parses a sample photo and shows the result.
 *
 * @param {import('node:test').TestContext} test
 * @param {Tab} tab
 * @param {Expected} expected
 */
export async function tryPage(test, tab, { isolated, shared }) {
  const site = await serveSite();
  test.after(() => site.close());
  await tab.goto(site.url);
  const shown = await tab.run(useSample, null);
  test.diagnostic(`${shown.timings} ${shown.readiness}`);
  assert.deepEqual(shown.complaints, []);
  assert.equal(shown.isolated, isolated);
  assert.match(shown.timings, new RegExp(`threads: ${shared ? Math.min(shown.cores, 8) : 1}\\.`));
  assert.equal(shown.readiness, 'ready.offline');
  assert.ok(shown.classes > 3, `${shown.classes} classes in the legend`);
  assert.ok(shown.coloured > 0.2 && shown.coloured < 0.95, `${shown.coloured} of the pixels are coloured`);
  assert.ok(shown.apart < 1.5, `the colours lie ${shown.apart} pixels beside the photo`);
  assert.ok(shown.overflow <= 0, `the page is ${shown.overflow} pixels too wide`);
}

/**
 * The embedding API: the label maps of all samples are the golden ones, a parse can be stopped, and the next is right.
 *
 * @param {import('node:test').TestContext} test
 * @param {Tab} tab
 * @param {Expected & { headers: boolean, threads: number, flavour: RegExp, photos?: string[], workersBegin?: string }} expected
 *   `threads` are asked for; `flavour`: which modules are fetched; `workersBegin`: what every worker runs first
 */
export async function tryApi(test, tab, expected) {
  const { headers, threads, isolated, shared, flavour, photos = samples, workersBegin = '' } = expected;
  /** @type {Set<string>} */
  const flavours = new Set();
  const site = await serveSite({
    headers,
    alter(path, body) {
      const [, fetched] = path.match(/^pkg\/(.*)\/bodymap_bg.wasm$/) ?? [];
      if (fetched) flavours.add(fetched);
      return /^(pool-)?worker.js$/.test(path) ? Buffer.from(`import './first.js';\n${body}`) : body;
    },
    pages: { 'first.js': `${workersBegin}\n${HOLD_LOCK}` },
  });
  test.after(() => site.close());
  await tab.goto(site.url + HOST);
  const parsed = await tab.run(parseAll, { names: photos, threads });
  assert.deepEqual([parsed.isolated, parsed.shared, parsed.threads], [isolated, shared, shared ? threads : 1]);
  assert.deepEqual(parsed.complaints, []);
  assert.deepEqual([...flavours].filter((fetched) => !flavour.test(fetched)), []);
  for (const [i, photo] of photos.entries()) await judge(test, photo, parsed.maps[i]);
  test.diagnostic(`${parsed.cores} cores reported, ${parsed.threads} threads, ${[...flavours]}: ${parsed.times.join(', ')} ms`);

  const stopped = await tab.run(stop, { long: LONG, short: SHORT });
  test.diagnostic(`stopped: rejected after ${stopped.rejected.toFixed(1)} ms, workers gone after ${stopped.gone.toFixed(0)} ms`);
  assert.equal(stopped.reason, 'AbortError');
  assert.ok(stopped.rejected < 100, `rejected after ${stopped.rejected} ms`);
  assert.ok(stopped.gone < TIME_TO_END, `gone after ${stopped.gone} ms`);
  assert.equal(stopped.workers, shared ? threads + 1 : 1);
  await judge(test, SHORT, stopped.map);
}

/** A worker holds a lock as long as it lives. */
const HOLD_LOCK = `navigator.locks.request('alive ' + crypto.randomUUID(), () => new Promise(() => {}));`;

/**
 * @param {import('node:test').TestContext} test
 * @param {string} photo
 * @param {string} map PNG, a character for a byte
 */
async function judge(test, photo, map) {
  const golden = await readFile(new URL(`../golden/fast/${photo.replace(/\w+$/, 'png')}`, import.meta.url));
  const same = agreement(Buffer.from(map, 'latin1'), golden);
  test.diagnostic(`${photo}: ${(100 * same).toFixed(3)} % of the pixels agree`);
  assert.ok(same >= 0.999, `${photo}: ${same}`);
  assert.ok(new Set(readLabelMap(golden).labels).size > 3, `${photo} has too few classes to tell anything`);
}

/* What follows runs in pages, and so may use nothing from above. */

/** Clicks on the first sample photo and looks at the result. */
async function useSample() {
  /** @type {string[]} */
  const complaints = [];
  const complain = (/** @type {unknown} */ what) => void complaints.push(String(what));
  document.addEventListener('securitypolicyviolation', (event) => complain(`${event.violatedDirective} ${event.blockedURI}`));
  globalThis.addEventListener('error', ({ message }) => complain(message));
  globalThis.addEventListener('unhandledrejection', ({ reason }) => complain(reason));
  const find = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (document.querySelector(selector));
  const until = async (/** @type {() => unknown} */ condition) => {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  await until(() => /^ready\./.test(find('#readiness')?.dataset.i18n ?? ''));
  find('#samples button').click();
  await until(() => find('[data-view=result], .notice.error'));
  await until(() => find('.notice.error') || /** @type {HTMLCanvasElement} */ (find('#colormap')).width > 0);
  for (const notice of document.querySelectorAll('.notice')) complain(notice.textContent);

  const canvas = /** @type {HTMLCanvasElement} */ (find('#colormap'));
  const copy = document.createElement('canvas');
  Object.assign(copy, { width: canvas.width, height: canvas.height });
  const context2d = /** @type {CanvasRenderingContext2D} */ (copy.getContext('2d'));
  context2d.drawImage(canvas, 0, 0);
  const { data } = context2d.getImageData(0, 0, copy.width, copy.height);
  const coloured = data.reduce((sum, value, i) => sum + (i % 4 === 3 && value > 0 ? 4 : 0), 0) / data.length;
  const [photo, colours] = ['#photo', '#colormap'].map((id) => find(id).getBoundingClientRect());
  const sides = /** @type {const} */ (['left', 'top', 'right', 'bottom']);
  const root = document.documentElement;
  return {
    complaints,
    coloured,
    isolated: Boolean(globalThis.crossOriginIsolated),
    cores: navigator.hardwareConcurrency,
    timings: find('#timings').textContent ?? '',
    readiness: find('#readiness').dataset.i18n,
    classes: document.querySelectorAll('#legend li').length,
    apart: Math.max(...sides.map((side) => Math.abs(photo[side] - colours[side]))),
    overflow: root.scrollWidth - root.clientWidth,
  };
}

/** @param {{ names: string[], threads: number }} wanted */
async function parseAll({ names, threads }) {
  /** @type {string[]} */
  const complaints = [];
  const { warn } = console;
  console.warn = (...parts) => {
    complaints.push(parts.join(' '));
    warn(...parts);
  };
  const { BodyMap } = await import(/** @type {any} */ ('/bodymap.js'));
  const bodymap = await BodyMap.load({ threads });
  Object.assign(globalThis, { bodymap });
  const [maps, times] = [/** @type {string[]} */ ([]), /** @type {number[]} */ ([])];
  for (const name of names) {
    const parsing = await bodymap.parse(await (await fetch(`/samples/${name}`)).blob());
    times.push(Math.round(parsing.timings.inference));
    const bytes = new Uint8Array(await (await parsing.export('labelmap')).arrayBuffer());
    maps.push(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
  }
  return {
    maps,
    times,
    complaints,
    threads: bodymap.threads,
    cores: navigator.hardwareConcurrency,
    isolated: Boolean(globalThis.crossOriginIsolated),
    shared: typeof SharedArrayBuffer === 'function',
  };
}

/**
 * With the BodyMap of {@link parseAll}, whose code the browser has made fast by now.
 *
 * @param {{ long: string, short: string }} photos
 */
async function stop({ long, short }) {
  const { bodymap } = Object(globalThis);
  const photo = async (/** @type {string} */ name) => (await fetch(`/samples/${name}`)).blob();
  const alive = async () => ((await navigator.locks.query()).held ?? []).filter(({ name }) => name?.startsWith('alive'));
  const pause = (/** @type {number} */ time) => new Promise((resolve) => setTimeout(resolve, time));
  const workers = (await alive()).length;
  const aborter = new AbortController();
  let began = 0;
  const running = bodymap.parse(await photo(long), {
    setting: 'fine',
    signal: aborter.signal,
    // Some operators of the network have run, not all.
    onProgress: (/** @type {any} */ { stage, fraction }) => {
      if (began || stage !== 'inference' || fraction < 0.3) return;
      began = performance.now();
      aborter.abort();
    },
  });
  const reason = await running.then(
    () => 'it was not stopped',
    (/** @type {Error} */ error) => error.name,
  );
  const rejected = performance.now() - began;
  while ((await alive()).length > 0 && performance.now() - began < 30_000) await pause(10);
  const gone = performance.now() - began;
  const parsing = await bodymap.parse(await photo(short));
  const bytes = new Uint8Array(await (await parsing.export('labelmap')).arrayBuffer());
  bodymap.dispose();
  return { reason, rejected, gone, workers, map: Array.from(bytes, (byte) => String.fromCharCode(byte)).join('') };
}
