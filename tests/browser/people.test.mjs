import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { openPage, pixels, ready, result } from './browser.mjs';
import { native, readLabelMap } from './label-map.mjs';
import { DRAWN, OPTIONS, PHOTO, withPeopleModel } from './people-model.mjs';
import { HOST } from './site.mjs';

// The service worker would refuse the other model.
const WITH_PEOPLE = /** @type {const} */ ({ alter: withPeopleModel, context: { serviceWorkers: 'block' } });

/** @param {import('node:test').TestContext} context */
async function openWithPeople(context) {
  const { page } = await openPage(context, { ...WITH_PEOPLE, expected: /blocked by Playwright/ });
  await ready(page);
  await page.setInputFiles('#file', PHOTO);
  await result(page);
  return page;
}

/**
 * How many pixels of a canvas are painted.
 *
 * @param {import('playwright-core').Page} page
 * @param {string} [id] of the canvas
 */
async function painted(page, id) {
  const counts = Object.entries(await pixels(page, id));
  return counts.reduce((sum, [colour, count]) => (colour === 'none' ? sum : sum + count), 0);
}

/** Pixels of each person in the native people map. */
async function pixelsOfPeople() {
  const { labels } = readLabelMap(await native(PHOTO, '.people.png', OPTIONS));
  return [0, 1, 2, 3].map((person) => labels.filter((label) => label === person).length);
}

for (const threads of [1, 2]) {
  test(`${threads} thread(s): every setting tells the people apart as the native binary does`, async (context) => {
    const { page } = await openPage(context, { path: HOST, ...WITH_PEOPLE });
    const photo = (await readFile(PHOTO)).toString('base64');
    const answers = await page.evaluate(
      async ({ base64, wanted }) => {
        const { BodyMap } = await import(/** @type {any} */ ('/bodymap.js'));
        const bodymap = await BodyMap.load({ threads: wanted });
        const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
        const answered = [];
        for (const setting of bodymap.settings) {
          /** @type {number[]} */
          const fractions = [];
          const onProgress = (/** @type {any} */ { stage, fraction }) => void (stage === 'inference' && fractions.push(fraction));
          const parsing = await bodymap.parse(new Blob([bytes]), { setting, onProgress });
          const maps = [];
          for (const format of ['labelmap', 'people']) {
            const file = new Uint8Array(await (await parsing.export(format)).arrayBuffer());
            maps.push(Array.from(file, (byte) => String.fromCharCode(byte)).join(''));
          }
          const rises = fractions.every((fraction, i) => i === 0 || fraction >= fractions[i - 1]);
          answered.push({ setting, maps, people: [...parsing.people], rises, last: fractions.at(-1) });
        }
        return { threads: bodymap.threads, answered };
      },
      { base64: photo, wanted: threads },
    );
    assert.equal(answers.threads, threads);
    assert.deepEqual(answers.answered.map(({ setting }) => setting), ['fast', 'fine']);
    const drawn = readLabelMap(DRAWN).labels;
    for (const { setting, maps, people, rises, last } of answers.answered) {
      for (const [i, ending] of ['.png', '.people.png'].entries()) {
        const expected = await native(PHOTO, ending, [...OPTIONS, '--setting', setting]);
        assert.ok(Buffer.from(maps[i], 'latin1').equals(expected), `${setting}: ${ending} differs`);
      }
      assert.ok(people.every((person, i) => person === 0 || drawn[i] === 0 || person === drawn[i]), setting);
      assert.deepEqual([...new Set(people)].sort(), [0, 1, 2, 3]);
      assert.ok(rises && last === 1, `${setting}: progress ends at ${last}`);
    }
  });
}

test('one person can be shown alone, with the shares of its classes', async (context) => {
  const page = await openWithPeople(context);
  const counts = await pixelsOfPeople();
  const chips = page.locator('#people label');
  assert.deepEqual(await chips.allInnerTexts(), ['Everyone', '1', '2', '3']);
  assert.equal(await painted(page), counts[1] + counts[2] + counts[3]);
  const everyone = await page.locator('#legend .share').allInnerTexts();

  await page.locator('#people [value="2"]').check();
  await page.waitForFunction(() => !(/** @type {HTMLElement} */ (document.getElementById('background')).checkVisibility()));
  while ((await painted(page)) !== counts[2]) await page.evaluate(() => new Promise(requestAnimationFrame));
  const shares = await page.locator('#legend .share').allInnerTexts();
  assert.equal(shares.length, 4);
  const sum = shares.reduce((total, share) => total + parseFloat(share), 0);
  assert.ok(Math.abs(sum - 100) < 0.3, `${shares}`);

  // A class that is switched off stays off when another person is shown.
  await page.locator('#legend li[data-class="5"] [type=checkbox]').uncheck();
  await page.locator('#people [value="everyone"]').check();
  assert.equal(await page.locator('#legend li[data-class="5"] [type=checkbox]').isChecked(), false);
  await page.locator('#legend li[data-class="5"] [type=checkbox]').check();
  while ((await painted(page)) !== counts[1] + counts[2] + counts[3]) {
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
  assert.deepEqual(await page.locator('#legend .share').allInnerTexts(), everyone);
});

test('a person whose number is pointed at is pointed out, and the picture tells who is where', async (context) => {
  const page = await openWithPeople(context);
  const counts = await pixelsOfPeople();
  await page.locator('#people label').nth(3).hover();
  await page.locator('#picture.is-pointing').waitFor();
  assert.equal(await painted(page, 'highlight'), counts[3]);
  const { width, height, labels } = readLabelMap(DRAWN);
  const box = await page.locator('#picture').boundingBox();
  assert.ok(box);
  for (const person of [1, 2, 3]) {
    // The middle of the person is well within its upper clothes.
    const places = [...labels.keys()].filter((i) => labels[i] === person);
    const middle = (/** @type {number[]} */ values) => values.reduce((sum, value) => sum + value, 0) / values.length;
    const [x, y] = [middle(places.map((i) => i % width)), middle(places.map((i) => Math.floor(i / width)))];
    await page.mouse.move(box.x + (x * box.width) / width, box.y + (y * box.height) / height);
    await page.locator('#under-pointer', { hasText: new RegExp(`^Upper clothes, person ${person}$`) }).waitFor();
  }
});

test('who is shown can be chosen by keyboard', async (context) => {
  const page = await openWithPeople(context);
  const counts = await pixelsOfPeople();
  await page.locator('#people :checked').focus();
  await page.keyboard.press('ArrowRight');
  assert.equal(await page.locator('#people :checked').inputValue(), '1');
  while ((await painted(page)) !== counts[1]) await page.evaluate(() => new Promise(requestAnimationFrame));
  assert.equal(await page.evaluate(() => Object(document.activeElement).value), '1');
});
