import assert from 'node:assert/strict';
import { test } from 'node:test';

import { download, openPage, parseSample, pixels, ready } from './browser.mjs';
import { native, readLabelMap } from './label-map.mjs';

const HOPPER = 'mpl_grace_hopper.jpg';

/**
 * Waits until the colormap has, or no longer has, pixels of a colour; a frame
 * of the page passes between two looks.
 *
 * @param {import('playwright-core').Page} page
 * @param {string} colour `r,g,b`
 * @param {boolean} present
 */
async function untilColour(page, colour, present) {
  const deadline = Date.now() + 30_000;
  while (colour in (await pixels(page)) !== present) {
    assert.ok(Date.now() < deadline, `the colour ${colour} is ${present ? 'missing' : 'still there'}`);
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
}

/** Colour of the first row of the legend as `r,g,b`, and its class id. */
async function firstRow(/** @type {import('playwright-core').Page} */ page) {
  const row = page.locator('#legend li').first();
  const value = await row.locator('[type=color]').inputValue();
  const id = Number(await row.getAttribute('data-class'));
  return { row, id, colour: [1, 3, 5].map((at) => parseInt(value.slice(at, at + 2), 16)).join() };
}

test('the legend tells the classes of the label map by share', async (context) => {
  const { page } = await openPage(context);
  await parseSample(page, HOPPER);
  const { labels } = readLabelMap(await native(HOPPER));
  const counts = new Map();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  const expected = [...counts].filter(([id]) => id !== 0).sort((a, b) => b[1] - a[1]);
  const rows = await page.locator('#legend li').evaluateAll((items) =>
    items.map((item) => [Number(/** @type {HTMLElement} */ (item).dataset.class), item.querySelector('.share')?.textContent]),
  );
  const shareOf = (/** @type {number} */ count) => {
    const percent = Math.round((1000 * count) / labels.length) / 10;
    return count / labels.length < 0.001 ? '< 0.1 %' : `${percent} %`;
  };
  assert.deepEqual(rows, expected.map(([id, count]) => [id, shareOf(count)]));
  assert.equal(await page.locator('#background .share').innerText(), shareOf(counts.get(0)));
});

test('a class is switched off and on, all are switched off and on', async (context) => {
  const { page } = await openPage(context);
  await parseSample(page, HOPPER);
  const { row, colour } = await firstRow(page);
  const before = await pixels(page);
  assert.ok(before[colour] > 0);
  await row.locator('[type=checkbox]').uncheck();
  await untilColour(page, colour, false);
  const without = await pixels(page);
  assert.equal(without.none, before.none + before[colour]);
  await row.locator('[type=checkbox]').check();
  await untilColour(page, colour, true);
  assert.deepEqual(await pixels(page), before);
  await page.click('#none');
  await untilColour(page, colour, false);
  assert.deepEqual(Object.keys(await pixels(page)), ['none']);
  await page.click('#all');
  await untilColour(page, colour, true);
  assert.deepEqual(await pixels(page), before);
});

test('a colour is changed, kept for the next photo and reset', async (context) => {
  const { page } = await openPage(context);
  await parseSample(page, HOPPER);
  const { row, id, colour } = await firstRow(page);
  const before = await pixels(page);
  await row.locator('[type=color]').fill('#123456');
  await untilColour(page, '18,52,86', true);
  const after = await pixels(page);
  assert.equal(after['18,52,86'], before[colour]);
  assert.equal(after[colour], undefined);
  const { palette } = readLabelMap((await download(page, 'labelmap')).bytes);
  assert.deepEqual([...palette.subarray(3 * id, 3 * id + 3)], [0x12, 0x34, 0x56]);
  await parseSample(page, HOPPER);
  assert.equal((await pixels(page))['18,52,86'], before[colour]);
  await page.click('#reset-colours');
  await untilColour(page, colour, true);
  assert.deepEqual(await pixels(page), before);
  assert.equal(await page.locator('#reset-colours').isVisible(), false);
});

test('a row that is pointed at points out its class in the picture', async (context) => {
  const { page } = await openPage(context);
  await parseSample(page, HOPPER);
  const { row, id } = await firstRow(page);
  await row.hover();
  await page.locator('#picture.is-pointing').waitFor();
  const { labels } = readLabelMap(await native(HOPPER));
  const { none, ...painted } = await pixels(page, 'highlight');
  assert.deepEqual(Object.values(painted), [labels.filter((label) => label === id).length]);
  assert.ok(none > 0);
  await page.mouse.move(2, 2);
  await page.locator('#picture:not(.is-pointing)').waitFor();
});

test('the picture tells the class under the pointer', async (context) => {
  const { page } = await openPage(context);
  await parseSample(page, HOPPER);
  const { width, height, labels } = readLabelMap(await native(HOPPER));
  const box = await page.locator('#picture').boundingBox();
  assert.ok(box);
  const bubble = page.locator('#under-pointer');
  const face = 13;
  // A pixel of the face with nothing but face around it.
  const inside = (/** @type {number} */ i) =>
    [-4, 0, 4].every((dy) => [-4, 0, 4].every((dx) => labels[i + dy * width + dx] === face));
  const place = labels.findIndex((_, i) => i > 5 * width && inside(i));
  assert.ok(place > 0, 'the sample has a face');
  const [x, y] = [place % width, Math.floor(place / width)];
  await page.mouse.move(box.x + ((x + 0.5) * box.width) / width, box.y + ((y + 0.5) * box.height) / height);
  await bubble.filter({ hasText: /^Face$/ }).waitFor();
  const clear = labels.indexOf(0);
  const [clearX, clearY] = [clear % width, Math.floor(clear / width)];
  await page.mouse.move(box.x + ((clearX + 0.5) * box.width) / width, box.y + ((clearY + 0.5) * box.height) / height);
  await bubble.waitFor({ state: 'hidden' });
});

test('divider and strength change what is seen', async (context) => {
  const { page } = await openPage(context);
  await parseSample(page, HOPPER);
  const divider = page.locator('#divider');
  const box = await page.locator('#picture').boundingBox();
  assert.ok(box);
  const handle = await divider.boundingBox();
  assert.ok(handle);
  await page.mouse.move(handle.x + handle.width / 2, handle.y + handle.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + 0.8 * box.width, box.y + 50);
  await page.mouse.up();
  assert.equal(await divider.getAttribute('aria-valuenow'), '80');
  assert.equal(await page.locator('.layer').evaluate((layer) => getComputedStyle(layer).clipPath), 'inset(0px 0px 0px 80%)');
  await page.locator('#opacity').fill('40');
  assert.equal(await page.locator('#picture').evaluate((picture) => picture.style.getPropertyValue('--strength')), '0.4');
});

test('downloads are named after the photo, and are what the native binary writes', async (context) => {
  const { page } = await openPage(context);
  await parseSample(page, HOPPER);
  for (const [format, ending] of [['labelmap', '.png'], ['colormap', '.colormap.png']]) {
    const { name, bytes } = await download(page, format);
    assert.equal(name, `mpl_grace_hopper${ending}`);
    assert.ok(bytes.equals(await native(HOPPER, ending)), `${name} differs`);
  }
  const json = await download(page, 'json');
  assert.equal(json.name, 'mpl_grace_hopper.json');
  // Scores are means of floats, whose last digits differ.
  const read = (/** @type {Buffer} */ bytes) =>
    JSON.parse(`${bytes}`, (key, value) => (key === 'score' ? value.toFixed(4) : value));
  assert.deepEqual(read(json.bytes), read(await native(HOPPER, '.json')));
  // The page's overlay is as strong as the reader has it; 60 % is the command line's.
  await page.locator('#opacity').fill('60');
  const { name, bytes } = await download(page, 'overlay');
  assert.equal(name, 'mpl_grace_hopper.overlay.png');
  assert.ok(bytes.equals(await native(HOPPER, '.overlay.png')));
});

test('downloaded pictures show what is switched on, in its colours', async (context) => {
  const { page } = await openPage(context);
  await parseSample(page, HOPPER);
  const { row } = await firstRow(page);
  await page.click('#none');
  await row.locator('[type=checkbox]').check();
  await row.locator('[type=color]').fill('#123456');
  const { bytes } = await download(page, 'colormap');
  const colours = await page.evaluate(async (base64) => {
    const png = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([png], { type: 'image/png' }));
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const context2d = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
    context2d.drawImage(bitmap, 0, 0);
    const { data } = context2d.getImageData(0, 0, bitmap.width, bitmap.height);
    const found = new Set();
    for (let i = 0; i < data.length; i += 4) found.add(data.subarray(i, i + 3).join());
    return [...found].sort();
  }, bytes.toString('base64'));
  assert.deepEqual(colours, ['0,0,0', '18,52,86']);
});

test('cancel stops the work, and the next photo is read', async (context) => {
  const { page } = await openPage(context);
  await ready(page);
  await page.locator('#samples button').first().click();
  await page.click('#cancel');
  assert.equal(await page.getAttribute('html', 'data-view'), 'empty');
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'drop');
  await parseSample(page, HOPPER);
  assert.equal(await page.locator('.notice').count(), 0);
});

test('timings, threads and the licence of the model are told', async (context) => {
  const { page } = await openPage(context);
  await parseSample(page, HOPPER);
  const facts = await page.locator('.facts').innerText();
  assert.match(facts, /Reading [\d.,]+ ms, inference [\d.,]+ ms, total [\d.,]+ ms; threads: \d+\./);
  const card = await page.evaluate(async () => (await fetch('models/default/card.json')).json());
  assert.ok(facts.includes(card.title));
  assert.equal(await page.getAttribute('#model-licence', 'href'), card.licence.url);
  assert.equal(await page.innerText('#model-licence'), card.licence.name);
});
