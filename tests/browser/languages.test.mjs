import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { test } from 'node:test';

import { openPage, parseSample, ready, result } from './browser.mjs';
import { withPeopleModel } from './people-model.mjs';

const WWW = new URL('../../www/', import.meta.url);
const read = (/** @type {string} */ path) => readFile(new URL(path, WWW), 'utf8');
const en = JSON.parse(await read('i18n/en.json'));
const zh = JSON.parse(await read('i18n/zh.json'));
const html = (await read('index.html')) + (await read('embed.html'));

/** Every script of the site, joined. */
async function scripts() {
  const names = (await readdir(WWW, { recursive: true })).filter((name) => name.endsWith('.js'));
  return (await Promise.all(names.map(read))).join('\n');
}

/**
 * The forms of a text: itself, or those of its plural.
 *
 * @param {string | { [category: string]: string }} text
 */
const forms = (text) => (typeof text === 'string' ? [text] : Object.values(text));

test('both languages have the same texts with the same values', () => {
  assert.deepEqual(Object.keys(zh), Object.keys(en));
  const values = (/** @type {string} */ text) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
  for (const key of Object.keys(en)) {
    for (const form of [...forms(en[key]), ...forms(zh[key])]) assert.deepEqual(values(form), values(forms(en[key])[0]), key);
    assert.equal(typeof zh[key], typeof en[key], key);
  }
});

for (const [tag, texts] of /** @type {const} */ ([['en', en], ['zh-Hans', zh]])) {
  test(`${tag}: counts have every plural form of the language`, () => {
    const { pluralCategories } = new Intl.PluralRules(tag).resolvedOptions();
    const plurals = Object.values(texts).filter((text) => typeof text !== 'string');
    assert.ok(plurals.length > 0);
    for (const plural of plurals) assert.deepEqual(Object.keys(plural).sort(), [...pluralCategories].sort());
  });
}

test('the markup and the scripts use texts that exist, and all of them', async () => {
  const used = new Set([...html.matchAll(/data-i18n="([^"]+)"/g)].map(([, key]) => key));
  for (const [, pairs] of html.matchAll(/data-i18n-attributes="([^"]+)"/g)) {
    for (const pair of pairs.split('; ')) used.add(pair.split(':')[1]);
  }
  const code = await scripts();
  for (const [, key] of code.matchAll(/'(?:[a-z-]+:)?((?:intake|samples|stage|work|settings|people|legend|batch|count|ready|embed|models|import|error)\.[a-z0-9-]+)'/g)) used.add(key);
  for (const key of used) assert.ok(key in en, `${key} has no text`);
  for (const [, name] of code.matchAll(/key: '(\w+)'/g)) {
    for (const part of ['alt', 'credit']) used.add(`samples.${name}.${part}`);
  }
  const built = /^(class|error|stage|settings)\.|^(models\.(site|stored|visit)|import\.(f16|i8))$/;
  assert.deepEqual(Object.keys(en).filter((key) => !used.has(key) && !built.test(key)), []);
});

test('the markup says in English what the English texts say', () => {
  for (const [, key, text] of html.matchAll(/data-i18n="([^"]+)"[^>]*>([^<]*)</g)) assert.equal(text, en[key], key);
});

test('every error code has a text', async () => {
  const rust = await readFile(new URL('../src/error.rs', WWW), 'utf8');
  const codes = new Set([...rust.matchAll(/Code::\w+ => "([a-z-]+)"/g)].map(([, code]) => code));
  for (const [, code] of (await scripts()).matchAll(/BodyMapError\(\s*'([a-z-]+)'/g)) codes.add(code);
  assert.ok(codes.size > 15);
  // The page never disposes of its engine nor puts itself into a frame, the command line alone touches files, and what
  // is stopped was not wanted.
  const elsewhere = ['disposed', 'io', 'no-answer', 'bad-request', 'stopped'];
  for (const code of codes) if (!elsewhere.includes(code)) assert.ok(`error.${code}` in en, code);
});

test('the language of the browser is taken, can be changed and is remembered', async (context) => {
  const { page } = await openPage(context, { context: { locale: 'zh-CN' } });
  await page.locator('html[lang=zh-Hans]').waitFor();
  assert.equal(await page.innerText('h1'), zh['intro.title']);
  assert.equal(await page.title(), zh['page.title']);
  await parseSample(page, 'mpl_grace_hopper.jpg');
  // What is shown and not ours to translate: names, and the two languages.
  const foreign = await page.evaluate(() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const parent = /** @type {Element} */ (node.parentElement);
      if (!/[A-Za-z]{2}/.test(node.textContent ?? '') || parent.closest('option, [rel~=license], #model-title, #model-attribution, #model-list small')) continue;
      if (!/[\u4e00-\u9fff]/.test(node.textContent ?? '')) found.push(node.textContent);
    }
    return found;
  });
  assert.deepEqual(foreign, ['bodymap']);
  const classes = await page.locator('#legend .name').allInnerTexts();
  assert.ok(classes.length > 3 && classes.every((name) => /^[\u4e00-\u9fff]+$/.test(name)), classes.join());

  await page.selectOption('#language', 'en');
  await page.locator('html[lang=en]').waitFor();
  assert.ok((await page.locator('#legend .name').allInnerTexts()).includes('Face'));
  assert.equal(/[\u4e00-\u9fff]/.test((await page.locator('main').innerText()) + (await page.title())), false);
  await page.reload();
  await page.locator('html[lang=en]').waitFor();
});

/** The service worker would keep the languages, and refuse changed ones. */
const WITHOUT_KEPT = { context: { serviceWorkers: /** @type {const} */ ('block') } };

test('counts have the plural form that they need', async (context) => {
  const { page } = await openPage(context, { ...WITHOUT_KEPT, alter: withPeopleModel, expected: /blocked by Playwright/ });
  await ready(page);
  // To the test model red is hair, red with blue upper clothes, and nothing here is a person's middle.
  const photos = await page.evaluate(async () => {
    const made = [];
    for (const colours of [['red'], ['red', 'magenta']]) {
      const canvas = new OffscreenCanvas(384, 240);
      const context2d = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
      context2d.fillRect(0, 0, 384, 240);
      colours.forEach((colour, i) => {
        context2d.fillStyle = colour;
        context2d.fillRect(80 + 120 * i, 60, 100, 120);
      });
      const file = new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer());
      made.push({ name: `${colours.length}.png`, mimeType: 'image/png', base64: btoa(String.fromCharCode(...file)) });
    }
    return made;
  });
  const files = photos.map(({ base64, ...photo }) => ({ ...photo, buffer: Buffer.from(base64, 'base64') }));
  const announcement = page.locator('#announcement');
  for (const [i, english, chinese] of /** @type {const} */ ([
    [0, /: 1 class found\.$/, /共找到 1 个类别。$/],
    [1, /: 2 classes found\.$/, /共找到 2 个类别。$/],
  ])) {
    await page.setInputFiles('#file', files[i]);
    await announcement.filter({ hasText: english }).waitFor({ state: 'attached' });
    await result(page);
    await page.selectOption('#language', 'zh');
    await announcement.filter({ hasText: chinese }).waitFor({ state: 'attached' });
    await page.selectOption('#language', 'en');
    await page.locator('html[lang=en]').waitFor();
  }
  await page.setInputFiles('#file', files);
  const states = page.locator('#batch-list [data-state=done] .state');
  await states.nth(1).waitFor();
  assert.deepEqual(await states.allInnerTexts(), ['1 class', '2 classes']);
});

for (const [missing, locale, shown] of /** @type {const} */ ([
  ['zh', 'zh-CN', en['intro.title']],
  ['zh en', 'zh-CN', en['intro.title']],
  ['en', 'en-GB', en['intro.title']],
])) {
  test(`without the texts of ${missing} the page works on`, async (context) => {
    const { page } = await openPage(context, {
      context: { ...WITHOUT_KEPT.context, locale },
      alter: (path, body) => (missing.split(' ').some((tag) => path === `i18n/${tag}.json`) ? null : body),
      expected: /404|blocked by Playwright/,
    });
    await page.locator('.notice.error[data-code=download-failed]').first().waitFor();
    assert.equal(await page.innerText('h1'), shown);
    assert.equal(await page.getAttribute('html', 'lang'), 'en');
    assert.equal(await page.locator('#samples button').count(), 5);
    await parseSample(page, 'mpl_grace_hopper.jpg');
  });
}

test('a language that cannot be had leaves the page in the one before, and can be chosen again', async (context) => {
  let isThere = false;
  const { page } = await openPage(context, {
    ...WITHOUT_KEPT,
    alter: (path, body) => (path === 'i18n/zh.json' && !isThere ? null : body),
    expected: /404|blocked by Playwright/,
  });
  await page.locator('#samples button').first().waitFor();
  await page.selectOption('#language', 'zh');
  await page.locator('.notice.error[data-code=download-failed]').waitFor();
  assert.equal(await page.inputValue('#language'), 'en');
  assert.equal(await page.innerText('h1'), en['intro.title']);
  isThere = true;
  await page.selectOption('#language', 'zh');
  await page.locator('html[lang=zh-Hans]').waitFor();
});

test('the language that was chosen last is shown, whichever texts come last', async (context) => {
  const { page } = await openPage(context, { ...WITHOUT_KEPT, expected: /blocked by Playwright/ });
  await page.locator('#samples button').first().waitFor();
  /** @type {() => void} */
  let send = () => {};
  await page.route('**/i18n/zh.json', async (route) => {
    await new Promise((resolve) => (send = () => resolve(null)));
    await route.continue();
  });
  const asked = page.waitForRequest('**/i18n/zh.json');
  await page.selectOption('#language', 'zh');
  await asked;
  await page.selectOption('#language', 'en');
  await page.locator('html[lang=en]').waitFor();
  const came = page.waitForResponse('**/i18n/zh.json');
  send();
  await (await came).finished();
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 100)));
  assert.equal(await page.getAttribute('html', 'lang'), 'en');
  assert.equal(await page.inputValue('#language'), 'en');
  assert.equal(await page.innerText('h1'), en['intro.title']);
  assert.equal(await page.evaluate(() => localStorage.getItem('bodymap.language')), 'en');
});
