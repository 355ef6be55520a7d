import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { OUT, SAMPLES, openPage, parseSample, ready, result } from './browser.mjs';
import { CHECKPOINT, TEMPLATES } from './m2fp-model.mjs';
import { PHOTO, withPeopleModel } from './people-model.mjs';

const HOPPER = 'mpl_grace_hopper.jpg';
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 360, height: 740 };

await mkdir(OUT, { recursive: true });

/**
 * Texts whose contrast with what is behind them is below WCAG AA.
 *
 * @param {import('playwright-core').Page} page
 */
function faintTexts(page) {
  return page.evaluate(() => {
    const channels = (/** @type {string} */ colour) => (colour.match(/[\d.]+/g) ?? []).map(Number);
    const luminance = (/** @type {number[]} */ rgb) => {
      const [r, g, b] = rgb.map((value) => (value <= 10.31 ? value / 3294.6 : ((value / 255 + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (/** @type {Element | null} */ element) => {
      for (let at = element; at; at = at.parentElement) {
        const [r, g, b, alpha = 1] = channels(getComputedStyle(at).backgroundColor);
        if (alpha === 1) return [r, g, b];
      }
      return [255, 255, 255];
    };
    const faint = [];
    for (const element of document.querySelectorAll('body *')) {
      const own = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim());
      if (!own || !element.checkVisibility() || element.closest('option')) continue;
      const [a, b] = [luminance(channels(getComputedStyle(element).color).slice(0, 3)), luminance(behind(element))];
      const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (contrast < 4.5) faint.push(`${element.textContent}: ${contrast.toFixed(2)}`);
    }
    return faint;
  });
}

/**
 * The view fits the width and is legible; a picture of it is kept.
 *
 * @param {import('playwright-core').Page} page
 * @param {string} name
 */
async function check(page, name) {
  const [content, viewport] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(content <= viewport, name);
  assert.deepEqual(await faintTexts(page), [], name);
  await page.locator('#picture').evaluate((picture) =>
    Promise.all(picture.getAnimations({ subtree: true }).map(({ finished }) => finished)),
  );
  await page.screenshot({ path: `${OUT}${name}.png`, fullPage: true });
}

for (const [device, viewport] of /** @type {const} */ ([['desktop', DESKTOP], ['phone', PHONE]])) {
  for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
    test(`${device}, ${colorScheme}: fits the width, is legible; pictures are kept`, async (context) => {
      const locale = device === 'phone' ? 'zh-CN' : 'en-GB';
      const { page } = await openPage(context, { context: { viewport, colorScheme, locale } });
      await ready(page);
      await check(page, `${device}-${colorScheme}-start`);
      await parseSample(page, HOPPER);
      await check(page, `${device}-${colorScheme}-result`);
      await page.setInputFiles('#file', { name: 'empty.jpg', mimeType: 'image/jpeg', buffer: Buffer.alloc(0) });
      await page.locator('.notice.error').waitFor();
      await check(page, `${device}-${colorScheme}-error`);
    });

    test(`${device}, ${colorScheme}: so do the import of a model and the choice of models`, async (context) => {
      const locale = device === 'phone' ? 'zh-CN' : 'en-GB';
      const { page } = await openPage(context, {
        context: { viewport, colorScheme, locale, serviceWorkers: 'block' },
        files: TEMPLATES,
        expected: /blocked by Playwright/,
      });
      await ready(page);
      await page.setInputFiles('#model-file', CHECKPOINT);
      await page.locator('#import[open]').waitFor();
      await check(page, `${device}-${colorScheme}-import`);
      await page.check('#import-accept');
      await page.click('#import-start');
      await page.locator('[data-i18n="import.done"]').waitFor();
      await check(page, `${device}-${colorScheme}-models`);
    });

    test(`${device}, ${colorScheme}: so do many photos, and all formats`, async (context) => {
      const locale = device === 'phone' ? 'zh-CN' : 'en-GB';
      const { page } = await openPage(context, { context: { viewport, colorScheme, locale } });
      await ready(page);
      const photo = await readFile(SAMPLES + HOPPER);
      const file = (/** @type {string} */ name, buffer = photo) => ({ name, mimeType: 'image/jpeg', buffer });
      const long = `${'a photo with a very long name '.repeat(4)}.jpg`;
      await page.setInputFiles('#file', [file('p1.jpg'), file('p2.jpg', photo.subarray(0, 5000)), file(long), file('p4.jpg')]);
      await page.locator('#batch-list [data-state=done] + [data-state=failed]').waitFor();
      await check(page, `${device}-${colorScheme}-batch`);
      await page.locator('#batch-list li:last-child[data-state=done]').waitFor();
      await page.locator('#batch-list button').first().click();
      await result(page);
      await page.locator('#downloads summary').click();
      await check(page, `${device}-${colorScheme}-formats`);
    });

    test(`${device}, ${colorScheme}: so do the people, and what the model was made from`, async (context) => {
      const locale = device === 'phone' ? 'zh-CN' : 'en-GB';
      const { page } = await openPage(context, {
        context: { viewport, colorScheme, locale, serviceWorkers: 'block' },
        alter: withPeopleModel,
        expected: /blocked by Playwright/,
      });
      await ready(page);
      await page.setInputFiles('#file', PHOTO);
      await result(page);
      await page.locator('#people [value="2"]').check();
      await page.locator('.origin summary').click();
      assert.match(await page.locator('#model-attribution').innerText(), /make_people/);
      await check(page, `${device}-${colorScheme}-people`);
    });
  }
}

test('with narrow screens and English texts nothing is cut off', async (context) => {
  const { page } = await openPage(context, { context: { viewport: { width: 320, height: 640 } } });
  await parseSample(page, HOPPER);
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 320);
});

test('everything is done by keyboard alone, with a visible focus', async (context) => {
  const { page } = await openPage(context);
  await ready(page);

  /** Tabs on until an element has the focus, which must show. */
  const tabTo = async (/** @type {string} */ selector) => {
    for (let steps = 0; steps < 60; steps++) {
      await page.keyboard.press('Tab');
      const focus = await page.evaluate((wanted) => {
        const element = document.activeElement;
        if (!element || element === document.body) return null;
        const shows = [element, ...['::after', '::before'].map((part) => [element, part])].some((at) => {
          const style = Array.isArray(at) ? getComputedStyle(element, String(at[1])) : getComputedStyle(element);
          return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
        });
        return { found: element.matches(wanted), shows, what: element.id || element.className };
      }, selector);
      if (!focus) continue;
      assert.ok(focus.shows, `the focus on ${focus.what} does not show`);
      if (focus.found) return;
    }
    assert.fail(`${selector} is not reached`);
  };

  await tabTo('#drop');
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.keyboard.press('Enter')]);
  await chooser.setFiles(SAMPLES + HOPPER);
  await result(page);

  await page.locator('body').evaluate((body) => {
    body.tabIndex = -1;
    body.focus();
    body.removeAttribute('tabindex');
  });
  await tabTo('#divider');
  await page.keyboard.press('Home');
  await page.keyboard.press('PageUp');
  await page.keyboard.press('ArrowRight');
  assert.equal(await page.getAttribute('#divider', 'aria-valuenow'), '12');

  await tabTo('#opacity');
  await page.keyboard.press('End');
  assert.equal(await page.inputValue('#opacity'), '100');

  await tabTo('#legend [type=checkbox]');
  await page.locator('#picture.is-pointing').waitFor();
  await page.keyboard.press('Space');
  assert.equal(await page.locator('#legend [type=checkbox]').first().isChecked(), false);

  await tabTo('#downloads [value=labelmap]');
  const [saved] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')]);
  assert.equal(saved.suggestedFilename(), 'mpl_grace_hopper.png');

  await tabTo('.sample');
  await page.keyboard.press('Enter');
  await page.locator('[data-view=busy]').waitFor();
  await page.locator('body').evaluate((body) => {
    body.tabIndex = -1;
    body.focus();
    body.removeAttribute('tabindex');
  });
  await tabTo('#cancel');
  await page.keyboard.press('Enter');
  assert.equal(await page.getAttribute('html', 'data-view'), 'empty');
});

test('the page has a title, a language, names for its controls and texts for its pictures', async (context) => {
  const { page } = await openPage(context);
  await parseSample(page, HOPPER);
  assert.notEqual(await page.title(), '');
  assert.equal(await page.getAttribute('html', 'lang'), 'en');
  assert.notEqual(await page.getAttribute('meta[name=description]', 'content'), '');
  const unnamed = await page.evaluate(() =>
    [...document.querySelectorAll('button, input:not([hidden]), select, a, [role=slider], [role=img]')]
      .filter((element) => !element.closest('dialog:not([open])'))
      .filter((element) => {
        const label = /** @type {HTMLInputElement} */ (element).labels?.[0]?.textContent;
        const picture = element.querySelector('img')?.alt;
        return ![label, picture, element.getAttribute('aria-label'), element.textContent].some((name) => name?.trim());
      })
      .map((element) => `${element.tagName} ${element.id}`),
  );
  assert.deepEqual(unnamed, []);
  assert.equal(await page.locator('img:not([alt])').count(), 0);
  assert.equal(await page.locator('h1').count(), 1);
});
