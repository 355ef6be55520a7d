import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { openPage } from './browser.mjs';
import { imported } from './m2fp-model.mjs';
import { HOST } from './site.mjs';

/**
 * A page that is not ours, with the API and a model that has instances.
 *
 * @param {import('node:test').TestContext} context
 */
async function openHost(context) {
  const folder = await imported('f16');
  const card = await readFile(join(folder, 'card.json'));
  const { files } = JSON.parse(card.toString());
  const served = new Map([
    ['models/tiny/card.json', card],
    [`models/tiny/${files[0].path}`, await readFile(join(folder, files[0].path))],
    ['models/newer/card.json', Buffer.from(JSON.stringify({ ...JSON.parse(card.toString()), format: 2, depth: 'some' }))],
  ]);
  const opened = await openPage(context, { path: HOST, context: { serviceWorkers: 'block' }, files: served });
  await opened.page.evaluate(async () => {
    const api = await import(/** @type {any} */ ('/bodymap.js'));
    Object.assign(globalThis, api, {
      sample: async (/** @type {string} */ name) => (await fetch(`/samples/${name}`)).blob(),
      /** @param {Blob} blob */
      hash: async (blob) =>
        new Uint8Array(await crypto.subtle.digest('SHA-256', await blob.arrayBuffer())).toString(),
    });
  });
  return opened;
}

/* What runs inside page.evaluate sees these. */
/* global BodyMap, sample, hash */

test('a parsing exports the same in every format, held by the worker or not, alone or with others', async (context) => {
  const { page } = await openHost(context);
  const { formats, instances, held, displaced, packed, types } = await page.evaluate(async () => {
    const bodymap = await BodyMap.load({ modelUrl: '/models/tiny/' });
    const photo = await sample('mpl_grace_hopper.jpg');
    const parsing = await bodymap.parse(photo);
    const names = bodymap.exportFormats.map(({ name }) => name);
    /** @type {{ [format: string]: string }} */
    const media = {};
    /** @param {typeof parsing} of */
    const all = async (of) => {
      /** @type {{ [format: string]: [alone: string, gathered: string] }} */
      const found = {};
      for (const format of names) {
        const options = { name: 'a/p.jpg' };
        const alone = await of.export(format, options);
        const set = bodymap.dataSet(format);
        await set.add(of, options);
        found[format] = [await hash(alone), await hash(await set.finish())];
        media[format] = alone.type;
      }
      return found;
    };
    const first = await all(parsing);
    await bodymap.parse(await sample('skimage_astronaut.png'));
    const second = await all(parsing);
    const third = await all(await bodymap.unpack(await parsing.pack(), { source: photo }));
    return { formats: names, instances: parsing.instances.length, held: first, displaced: second, packed: third, types: media };
  });
  assert.equal(formats.length, 13);
  assert.ok(instances > 0, 'the model has no instances');
  assert.deepEqual(displaced, held);
  assert.deepEqual(packed, held);
  assert.deepEqual([types.labelmap, types.coco, types.cvat, types.labelme], [
    'image/png', 'application/json', 'application/zip', 'application/json',
  ]);
});

test('exports and pictures show the labels as they are when they are asked for', async (context) => {
  const { page } = await openHost(context);
  const { before, held, displaced, painted } = await page.evaluate(async () => {
    const bodymap = await BodyMap.load();
    const parsing = await bodymap.parse(await sample('mpl_grace_hopper.jpg'));
    const map = async () => hash(await parsing.export('labelmap'));
    const picture = async () => {
      const canvas = new OffscreenCanvas(1, 1);
      await parsing.paint(canvas, { width: 64, height: 75 });
      const drawn = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
      return new Set(drawn.getImageData(0, 0, 64, 75).data.filter((_, i) => i % 4 === 3)).size;
    };
    const untouched = await map();
    parsing.labels.fill(0);
    const [changed, seen] = [await map(), await picture()];
    await bodymap.parse(await sample('skimage_astronaut.png'));
    return { before: untouched, held: changed, displaced: await map(), painted: [seen, await picture()] };
  });
  assert.notEqual(held, before);
  assert.equal(displaced, held);
  assert.deepEqual(painted, [1, 1]);
});

test('a card of a newer format is refused before its model is downloaded', async (context) => {
  const { page, site } = await openHost(context);
  const code = await page.evaluate(() =>
    BodyMap.load({ modelUrl: '/models/newer/' }).then(
      () => 'loaded',
      (error) => error.code,
    ),
  );
  assert.equal(code, 'newer-card');
  assert.deepEqual(site.requests.filter((path) => path.endsWith('.onnx')), []);
});
