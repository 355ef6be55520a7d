import { existsSync } from 'node:fs';
import { after, test } from 'node:test';
import puppeteer from 'puppeteer-core';

import { tryApi, tryPage } from './trial.mjs';

const PLACES = ['/usr/bin/firefox-esr', '/usr/bin/firefox', '/Applications/Firefox.app/Contents/MacOS/firefox'];
const executablePath = process.env.FIREFOX || PLACES.find((path) => existsSync(path));
const skip = !executablePath && 'NOT TRIED: there is no Firefox here; install it or give its path in FIREFOX';

/** @type {Promise<import('puppeteer-core').Browser> | undefined} */
let launched;

after(async () => (await launched)?.close());

/** @param {import('node:test').TestContext} context */
async function openTab(context) {
  launched ??= puppeteer.launch({ browser: 'firefox', executablePath, protocolTimeout: 300_000, defaultViewport: null });
  const browser = await launched;
  const profile = await browser.createBrowserContext();
  context.after(() => profile.close());
  context.diagnostic(await browser.version());
  const page = await profile.newPage();
  /** @type {import('./trial.mjs').Tab} */
  const tab = {
    goto: (url) => page.goto(url),
    run: (task, argument) => /** @type {any} */ (page.evaluate(/** @type {any} */ (task), argument)),
  };
  return tab;
}

test('Firefox: the page', { skip }, async (context) => {
  await tryPage(context, await openTab(context), { isolated: true, shared: true });
});

test('Firefox: two threads', { skip }, async (context) => {
  const expected = { headers: true, threads: 2, isolated: true, shared: true, flavour: /^threaded/ };
  await tryApi(context, await openTab(context), expected);
});

test('Firefox: not isolated, and so one thread', { skip }, async (context) => {
  const photos = ['mpl_grace_hopper.jpg'];
  const expected = { headers: false, threads: 2, isolated: false, shared: false, flavour: /^threadless/, photos };
  await tryApi(context, await openTab(context), expected);
});
