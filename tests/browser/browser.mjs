import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

import { LAUNCH } from './chromium.mjs';
import { serveSite } from './site.mjs';

/**
 * @typedef {import('playwright-core').Page} Page
 * @typedef {import('node:test').TestContext} TestContext
 */

export const SAMPLES = fileURLToPath(new URL('../../www/samples/', import.meta.url));
export const OUT = fileURLToPath(new URL('./out/', import.meta.url));

/** @type {Promise<import('playwright-core').Browser> | undefined} */
let launched;

after(async () => (await launched)?.close());

/** One browser for a test file. */
function browser() {
  launched ??= chromium.launch(LAUNCH);
  return launched;
}

function listenForViolations() {
  globalThis.addEventListener('securitypolicyviolation', (event) => {
    const { violatedDirective, blockedURI } = /** @type {SecurityPolicyViolationEvent} */ (/** @type {unknown} */ (event));
    console.error(`CSP in worker: ${violatedDirective} ${blockedURI}`);
  });
}

/**
 * A page of its own profile on a server of its own. When the test ends, it
 * fails if the page has logged an error or warning, thrown, or broken the CSP.
 *
 * @param {TestContext} test
 * @param {Parameters<typeof serveSite>[0] & {
 *   context?: import('playwright-core').BrowserContextOptions, path?: string, expected?: RegExp,
 * }} [options] `expected`: messages that are part of the test
 */
export async function openPage(test, { context: contextOptions, path = '', expected, ...serverOptions } = {}) {
  const site = await serveSite(serverOptions);
  const context = await (await browser()).newContext({ locale: 'en-GB', ...contextOptions });
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  /** @type {string[]} */
  const complaints = [];
  const complain = (/** @type {string} */ what) => {
    if (!expected?.test(what)) complaints.push(what);
  };
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complain(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => complain(`thrown: ${error.message}`));
  context.on('request', (request) => {
    if (!/^(blob|data):/.test(request.url()) && !request.url().startsWith(site.url)) {
      complain(`request to ${request.url()}`);
    }
  });
  // Violations in workers are not told to the page; a worker may be gone before it listens.
  page.on('worker', (worker) => worker.evaluate(listenForViolations).catch(() => {}));
  // File choosers are handed over from the first listener on; added at the key press, it may come too late.
  page.on('filechooser', () => {});
  await page.exposeFunction('complain', complain);
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
      Object(globalThis).complain(`CSP: ${violatedDirective} ${blockedURI}`);
    });
  });
  test.after(async () => {
    await context.close();
    await site.close();
    assert.deepEqual(complaints, [], 'the page complained');
  });
  await page.goto(site.url + path);
  return { page, context, site };
}

/**
 * Engine and model are loaded.
 *
 * @param {Page} page
 */
export async function ready(page) {
  await page.locator('#readiness:is([data-i18n="ready.offline"], [data-i18n="ready.online"])').waitFor();
}

/** @param {Page} page */
export async function result(page) {
  await page.locator('[data-view=result]').waitFor();
}

/**
 * Chooses a file by the file input and waits for its result.
 *
 * @param {Page} page
 * @param {string} sample file name
 */
export async function parseSample(page, sample) {
  await page.setInputFiles('#file', SAMPLES + sample);
  await page.locator('[data-view=busy]').waitFor();
  await result(page);
}

/**
 * @param {Page} page
 * @param {string} format value of the button
 */
export function download(page, format) {
  return saved(page, `#downloads [value=${format}]`);
}

/**
 * The file that a button saves.
 *
 * @param {Page} page
 * @param {string} button selector
 */
export async function saved(page, button) {
  const [file] = await Promise.all([page.waitForEvent('download'), page.locator(button).click()]);
  const chunks = [];
  for await (const chunk of await file.createReadStream()) chunks.push(chunk);
  return { name: file.suggestedFilename(), bytes: Buffer.concat(chunks) };
}

/**
 * How many pixels of each colour, written as `r,g,b` or `none`, a canvas has.
 *
 * @param {Page} page
 * @param {string} [id] of the canvas
 * @returns {Promise<{ [colour: string]: number }>}
 */
export function pixels(page, id = 'colormap') {
  return page.evaluate((canvasId) => {
    const canvas = /** @type {HTMLCanvasElement} */ (document.getElementById(canvasId));
    // A copy: reading the page's own canvas would change how the browser keeps it.
    const copy = new OffscreenCanvas(canvas.width, canvas.height);
    const context2d = /** @type {OffscreenCanvasRenderingContext2D} */ (copy.getContext('2d'));
    context2d.drawImage(canvas, 0, 0);
    const { data } = context2d.getImageData(0, 0, copy.width, copy.height);
    /** @type {{ [colour: string]: number }} */
    const counts = {};
    for (let i = 0; i < data.length; i += 4) {
      const colour = data[i + 3] === 0 ? 'none' : data.subarray(i, i + 3).join();
      counts[colour] = (counts[colour] ?? 0) + 1;
    }
    return counts;
  }, id);
}

/**
 * The JavaScript on a page of the documentation.
 *
 * @param {string} name of the page
 */
export async function examples(name) {
  const text = await readFile(new URL(`../../docs/${name}`, import.meta.url), 'utf8');
  return [...text.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code]) => code);
}
