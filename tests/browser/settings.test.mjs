import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SAMPLES, download, openPage, parseSample, ready, result } from './browser.mjs';
import { agreement, native } from './label-map.mjs';

const HOPPER = 'mpl_grace_hopper.jpg';
const BIDEN = 'facerec_biden.jpg';

/**
 * The result shown is that of the native binary with a setting.
 *
 * @param {import('playwright-core').Page} page
 * @param {string} photo
 * @param {string} setting
 */
async function shows(page, photo, setting) {
  const { bytes } = await download(page, 'labelmap');
  const expected = await native(photo, '.png', ['--setting', setting]);
  assert.ok(agreement(bytes, expected) >= 0.999, setting);
}

test('another setting parses the photo once more, and is remembered', async (context) => {
  const { page } = await openPage(context);
  await ready(page);
  assert.deepEqual(await page.locator('#settings label').allInnerTexts(), ['Fast', 'Fine']);
  assert.equal(await page.locator('#settings :checked').inputValue(), 'fast');
  await parseSample(page, HOPPER);
  await shows(page, HOPPER, 'fast');
  const [fast, fine] = await Promise.all(['fast', 'fine'].map((id) => native(HOPPER, '.png', ['--setting', id])));
  assert.ok(agreement(fast, fine) < 1, 'the settings do not differ');

  await page.locator('#settings [value=fine]').check();
  await page.locator('[data-view=busy]').waitFor();
  // The photo stays, and so does the control.
  assert.ok(await page.locator('#photo').evaluate((canvas) => /** @type {HTMLCanvasElement} */ (canvas).width > 0));
  assert.ok(await page.locator('#settings').isVisible());
  await result(page);
  await shows(page, HOPPER, 'fine');

  await page.reload();
  await ready(page);
  assert.equal(await page.locator('#settings :checked').inputValue(), 'fine');
  await parseSample(page, HOPPER);
  await shows(page, HOPPER, 'fine');
});

test('a setting changed while a photo is parsed cancels that and starts again', async (context) => {
  const { page } = await openPage(context);
  await ready(page);
  await page.setInputFiles('#file', SAMPLES + BIDEN);
  await page.locator('#stage-name[data-i18n="stage.inference"]').waitFor();
  await page.locator('#settings :checked').focus();
  await page.keyboard.press('ArrowRight');
  assert.equal(await page.getAttribute('html', 'data-view'), 'busy');
  await result(page);
  await shows(page, BIDEN, 'fine');
  assert.equal(await page.locator('.notice').count(), 0);
});

test('without a photo a setting is chosen for the next one', async (context) => {
  const { page } = await openPage(context);
  await ready(page);
  await page.locator('#settings [value=fine]').check();
  assert.equal(await page.getAttribute('html', 'data-view'), 'empty');
  await parseSample(page, HOPPER);
  await shows(page, HOPPER, 'fine');
  // Nor is a photo that was given up parsed again.
  await page.setInputFiles('#file', SAMPLES + BIDEN);
  await page.click('#cancel');
  await page.locator('#settings [value=fast]').check();
  assert.equal(await page.getAttribute('html', 'data-view'), 'empty');
});
