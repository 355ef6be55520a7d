import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { openPage, ready } from './browser.mjs';

const read = (/** @type {string} */ path) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');

/** What the footer leads to, and where its title is taken from. */
const SOURCES = new Map([
  ['docs/embedding.html', 'docs/embedding.md'],
  ['docs/formats.html', 'docs/formats.md'],
  ['docs/security.html', 'docs/security.md'],
  ['demo/element.html', 'www/demo/element.html'],
  ['demo/frame.html', 'www/demo/frame.html'],
  ['docs/licences.html', 'LICENSE-THIRD-PARTY'],
]);

/** @param {string} path of a page, or of a document, whose title is its first line */
async function titleOf(path) {
  const text = await read(path);
  return path.endsWith('.html') ? /<title>(.*)<\/title>/.exec(text)?.[1] : text.split('\n')[0].replace('# ', '');
}

test('the footer says the version and leads to documents, demos and licences', async (context) => {
  const { page, context: profile, site } = await openPage(context);
  await ready(page);
  assert.equal(await page.innerText('#version'), /^version = "(.*)"$/m.exec(await read('Cargo.toml'))?.[1]);
  const links = await page.locator('footer a').all();
  assert.deepEqual(await Promise.all(links.map((link) => link.getAttribute('href'))), [...SOURCES.keys()]);
  for (const link of links) {
    const [opened] = await Promise.all([profile.waitForEvent('page'), link.click()]);
    const path = /** @type {string} */ (await link.getAttribute('href'));
    await opened.waitForURL(site.url + path);
    assert.equal(await opened.title(), await titleOf(SOURCES.get(path) ?? ''));
    await opened.close();
  }
});

test('documents and licences are shown whole, without a server as well', async (context) => {
  const { page, site } = await openPage(context, { expected: /ERR_CONNECTION_REFUSED|FetchEvent/ });
  await page.locator('#readiness[data-i18n="ready.offline"]').waitFor();
  await site.close();
  const lines = (/** @type {string} */ text) => text.trim().split('\n').map((line) => line.trimEnd());
  for (const [name, source] of [['licences', 'LICENSE-THIRD-PARTY'], ['embedding', 'docs/embedding.md']]) {
    await page.goto(`${site.url}docs/${name}.html`);
    assert.deepEqual(lines(await page.locator('pre').evaluate((pre) => pre.textContent ?? '')), lines(await read(source)), name);
  }
});
