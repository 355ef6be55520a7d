import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { test } from 'node:test';

import { blocks, openPage } from './browser.mjs';
import { agreement, native } from './label-map.mjs';
import { HOST, serveSite } from './site.mjs';
import { readZip } from './zip.mjs';

const HOPPER = 'mpl_grace_hopper.jpg';
const BIDEN = 'facerec_biden.jpg';

/**
 * A page that is not ours, with the API and the tools of these tests as globals.
 *
 * @param {import('node:test').TestContext} context
 * @param {Parameters<typeof openPage>[1]} [options]
 */
async function openHost(context, options) {
  const opened = await openPage(context, { path: HOST, context: { serviceWorkers: 'block' }, ...options });
  await opened.page.evaluate(async () => {
    const api = await import(/** @type {any} */ ('/bodymap.js'));
    Object.assign(globalThis, api, {
      sample: async (/** @type {string} */ name) => (await fetch(`/samples/${name}`)).blob(),
      /** @param {Blob} blob */
      latin1: async (blob) =>
        Array.from(new Uint8Array(await blob.arrayBuffer()), (byte) => String.fromCharCode(byte)).join(''),
      /** @param {Promise<unknown>} promise */
      failure: (promise) =>
        promise.then(
          () => 'no failure',
          (/** @type {any} */ error) => (typeof error.code === 'string' ? error.code : error.name),
        ),
    });
  });
  return opened;
}

/* What runs inside page.evaluate sees these. */
/* global BodyMap, sample, latin1, failure */

test('abort during inference stops the worker at once, and the next parse is right', async (context) => {
  const { page } = await openHost(context);
  const { name, took, map, stages } = await page.evaluate(async (files) => {
    const bodymap = await BodyMap.load();
    const aborter = new AbortController();
    const running = bodymap.parse(await sample(files[0]), {
      signal: aborter.signal,
      onProgress: ({ stage }) => void (stage === 'inference' && aborter.abort()),
    });
    let began = 0;
    aborter.signal.addEventListener('abort', () => (began = performance.now()));
    const failed = await failure(running);
    const elapsed = performance.now() - began;
    /** @type {string[]} */
    const seen = [];
    const parsing = await bodymap.parse(await sample(files[1]), {
      onProgress: ({ stage }) => void (seen.at(-1) !== stage && seen.push(stage)),
    });
    return { name: failed, took: elapsed, map: await latin1(await parsing.export('labelmap')), stages: seen };
  }, [BIDEN, HOPPER]);
  assert.equal(name, 'AbortError');
  assert.ok(took < 100, `${took} ms`);
  assert.deepEqual(stages, ['wasm', 'model', 'decode', 'inference', 'finish']);
  assert.ok(agreement(Buffer.from(map, 'latin1'), await native(HOPPER)) >= 0.999);
});

for (const isolated of [true, false]) {
  test(`after an abort in the midst of the work, ${isolated ? '' : 'not '}isolated, the worker and its threads are gone`, async (context) => {
    const { page } = await openHost(context, { headers: isolated });
    await page.evaluate(async () => Object.assign(globalThis, { bodymap: await BodyMap.load() }));
    const workers = page.workers();
    assert.ok(workers.length > 0);
    const gone = Promise.all(
      workers.map((worker) => new Promise((resolve) => worker.on('close', () => resolve(Date.now())))),
    );
    const { began, rejected } = await page.evaluate(async (name) => {
      const aborter = new AbortController();
      const running = failure(
        Object(globalThis).bodymap.parse(await sample(name), {
          setting: 'fine',
          signal: aborter.signal,
          // Some operators of the network have run, not all.
          onProgress: (/** @type {any} */ { stage, fraction }) => void (stage === 'inference' && fraction > 0.3 && aborter.abort()),
        }),
      );
      let at = 0;
      aborter.signal.addEventListener('abort', () => (at = performance.now()));
      const reason = await running;
      const took = performance.now() - at;
      return { reason, began: performance.timeOrigin + at, rejected: took };
    }, BIDEN);
    const last = Math.max(.../** @type {number[]} */ (await gone)) - began;
    context.diagnostic(`rejected after ${rejected.toFixed(1)} ms, ${workers.length} workers gone after ${last.toFixed(0)} ms`);
    assert.ok(rejected < 100, `rejected after ${rejected} ms`);
    assert.ok(last < 1000, `gone after ${last} ms`);
  });
}

test('abort of a waiting call leaves the running one alone', async (context) => {
  const { page } = await openHost(context);
  const outcome = await page.evaluate(async (name) => {
    const bodymap = await BodyMap.load({ threads: 1 });
    const photo = await sample(name);
    const aborter = new AbortController();
    const first = bodymap.parse(photo);
    const second = failure(bodymap.parse(photo, { signal: aborter.signal }));
    const third = bodymap.parse(photo);
    aborter.abort();
    const [one, two, three] = await Promise.all([first, second, third]);
    const same = one.labels.every((label, i) => label === three.labels[i]);
    return [two, same, await failure(bodymap.parse(photo, { signal: AbortSignal.abort() }))];
  }, HOPPER);
  assert.deepEqual(outcome, ['AbortError', true, 'AbortError']);
});

test('progress rises from 0 to 1 in each stage', async (context) => {
  const { page } = await openHost(context);
  const events = await page.evaluate(async (name) => {
    /** @type {{ stage: string, fraction: number }[]} */
    const seen = [];
    const onProgress = (/** @type {any} */ event) => seen.push(event);
    const bodymap = await BodyMap.load({ onProgress });
    await bodymap.parse(await sample(name), { onProgress });
    return seen;
  }, HOPPER);
  for (const stage of ['wasm', 'model', 'decode', 'inference', 'finish']) {
    const fractions = events.filter((event) => event.stage === stage).map((event) => event.fraction);
    assert.deepEqual(fractions, fractions.toSorted((a, b) => a - b), stage);
    assert.deepEqual([fractions[0], fractions.at(-1)], [0, 1], stage);
  }
});

test('a parsing outlives its worker: paint and every export work from its parts', async (context) => {
  const { page } = await openHost(context);
  const same = await page.evaluate(async (files) => {
    const bodymap = await BodyMap.load({ threads: 1 });
    const parsing = await bodymap.parse(await sample(files[0]));
    const outputs = async () => {
      const canvas = new OffscreenCanvas(1, 1);
      await parsing.paint(canvas, { palette: 'voc', opacity: 0.5 });
      const formats = /** @type {const} */ (['labelmap', 'colormap', 'overlay', 'json']);
      const blobs = [];
      for (const format of formats) blobs.push(await latin1(await parsing.export(format)));
      const context2d = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
      const { data, width, height } = context2d.getImageData(0, 0, canvas.width, canvas.height);
      return [...blobs, `painted ${width}x${height}`, data.join()];
    };
    const before = await outputs();
    const aborter = new AbortController();
    const aborted = bodymap.parse(await sample(files[1]), {
      signal: aborter.signal,
      onProgress: () => aborter.abort(),
    });
    const failed = await failure(aborted);
    const after = await outputs();
    return [failed, ...before.map((output, i) => output.length > 10 && output === after[i])];
  }, [HOPPER, BIDEN]);
  assert.deepEqual(same, ['AbortError', true, true, true, true, true, true]);
});

test('a trap ends the worker with worker-crashed, and the next call works', async (context) => {
  const { page } = await openHost(context, {
    alter: (path, body) =>
      path === 'worker/photo.js'
        ? Buffer.from(`${body}`.replace('{\n  const photo', "{\n  if (source.size === 4) throw new WebAssembly.RuntimeError('unreachable');\n  const photo"))
        : body,
  });
  const outcome = await page.evaluate(async (name) => {
    const bodymap = await BodyMap.load();
    const crashed = failure(bodymap.parse(new Blob(['trap'])));
    const next = bodymap.parse(await sample(name));
    return [await crashed, (await next).width];
  }, HOPPER);
  assert.deepEqual(outcome, ['worker-crashed', 512]);
});

test('a trap in a thread of the engine ends the call with worker-crashed, and the next photo works', async (context) => {
  let traps = true;
  const { page } = await openHost(context, {
    expected: /unreachable/,
    alter(path, body) {
      // What is thrown there goes through the engine as a trap does.
      if (/^pkg\/threaded.*\/bodymap\.js$/.test(path)) {
        const caught = /function handleError\(f, args\) \{\s*try \{\s*(return f\.apply\(this, args\);)[^]*?\n\}/;
        assert.match(`${body}`, caught);
        return Buffer.from(`${body}`.replace(caught, 'function handleError(f, args) { $1 }'));
      }
      if (path !== 'worker/stop.js' || !traps) return body;
      const look = 'return () => Atomics.load(sign.flag, 0) !== 0;';
      assert.ok(`${body}`.includes(look));
      const trap = "if (globalThis.name.startsWith('bodymap thread')) throw new WebAssembly.RuntimeError('unreachable');";
      return Buffer.from(`${body}`.replace(look, `return () => { ${trap} return false; };`));
    },
  });
  const [threads, first] = await page.evaluate(async (name) => {
    const bodymap = Object.assign(globalThis, { bodymap: await BodyMap.load() }).bodymap;
    const photo = await sample(name);
    const patience = new Promise((resolve) => setTimeout(() => resolve('hangs'), 20_000));
    return [bodymap.threads, await Promise.race([failure(bodymap.parse(photo)), patience])];
  }, HOPPER);
  assert.ok(threads > 1, 'there are no threads to crash');
  assert.equal(first, 'worker-crashed');
  traps = false;
  const map = await page.evaluate(async (name) => {
    const parsing = await Object(globalThis).bodymap.parse(await sample(name));
    return latin1(await parsing.export('labelmap'));
  }, HOPPER);
  assert.ok(agreement(Buffer.from(map, 'latin1'), await native(HOPPER)) >= 0.999);
});

test('dispose ends the worker and rejects what is running, waiting and later asked', async (context) => {
  const { page } = await openHost(context);
  const closed = new Promise((resolve) => page.on('worker', (worker) => worker.on('close', resolve)));
  const outcome = await page.evaluate(async (name) => {
    const bodymap = await BodyMap.load({ threads: 1 });
    const photo = await sample(name);
    const calls = [failure(bodymap.parse(photo)), failure(bodymap.parse(photo))];
    bodymap.dispose();
    return Promise.all([...calls, failure(bodymap.parse(photo))]);
  }, HOPPER);
  assert.deepEqual(outcome, ['disposed', 'disposed', 'disposed']);
  await closed;
});

test('several instances work side by side, and disposing of one leaves the others alone', async (context) => {
  const { page } = await openHost(context);
  const outcome = await page.evaluate(async (files) => {
    const [one, two] = await Promise.all([BodyMap.load({ threads: 1 }), BodyMap.load({ threads: 1 })]);
    const [hopper, biden] = await Promise.all(files.map(sample));
    const [first, second] = await Promise.all([one.parse(hopper), two.parse(biden, { maxSide: 300 })]);
    one.dispose();
    const canvas = new OffscreenCanvas(1, 1);
    await second.paint(canvas);
    const again = await two.parse(hopper);
    const same = again.labels.every((label, i) => label === first.labels[i]);
    return [canvas.width === second.width, same, await failure(first.paint(canvas)), await failure(one.parse(hopper))];
  }, [HOPPER, BIDEN]);
  assert.deepEqual(outcome, [true, true, 'disposed', 'disposed']);
});

test('from a page of another origin, whose worker is a script that imports ours', async (context) => {
  for (const isolated of [true, false]) {
    const cors = { 'access-control-allow-origin': '*', 'cross-origin-resource-policy': 'cross-origin' };
    const other = await serveSite({ headers: isolated, more: cors });
    context.after(() => other.close());
    const sources = ['script', 'worker', 'connect'].map((kind) => `${kind}-src 'self' 'wasm-unsafe-eval' ${other.url}`);
    const { page, site } = await openPage(context, {
      path: HOST,
      headers: isolated,
      // Nothing of ours but the photo is on this server.
      alter: (path, body) => (path.startsWith('samples/') ? body : null),
      pages: {
        'engine/worker.js': `import '${other.url}worker.js';`,
        'engine/pool-worker.js': `import '${other.url}pool-worker.js';`,
      },
      more: { 'content-security-policy': `default-src 'none'; img-src data:; ${sources.join('; ')}` },
      others: [other.url],
      context: { serviceWorkers: 'block' },
    });
    const { map, threads, refused } = await page.evaluate(
      async ([url, name]) => {
        const api = await import(/** @type {any} */ (`${url}bodymap.js`));
        const photo = await (await fetch(`/samples/${name}`)).blob();
        const code = await api.BodyMap.load().catch((/** @type {any} */ error) => error.code);
        const bodymap = await api.BodyMap.load({ workerUrl: 'engine/worker.js' });
        const parsing = await bodymap.parse(photo);
        const bytes = new Uint8Array(await (await parsing.export('labelmap')).arrayBuffer());
        const latin1 = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
        return { map: latin1, threads: bodymap.threads, refused: code };
      },
      [other.url, HOPPER],
    );
    const cores = await page.evaluate(() => navigator.hardwareConcurrency);
    assert.deepEqual([refused, threads], ['bad-option', isolated ? Math.min(cores, 8) : 1]);
    assert.ok(agreement(Buffer.from(map, 'latin1'), await native(HOPPER)) >= 0.999);
    assert.ok(site.requests.every((path) => !path.startsWith('/pkg/')));
  }
});

test('the type of the error codes has all of them', async () => {
  const read = (/** @type {string} */ path) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
  const [declared] = /(?<=export type ErrorCode =).*?';$/ms.exec(await read('www/bodymap.d.ts')) ?? [''];
  const typed = Array.from(declared.matchAll(/^ {2}\| '([a-z-]+)'/gm), ([, code]) => code);
  const rust = Array.from((await read('src/error.rs')).matchAll(/Code::\w+ => "([a-z-]+)"/g), ([, code]) => code);
  const scripts = (await readdir(new URL('../../www/', import.meta.url), { recursive: true })).filter((name) => name.endsWith('.js'));
  const ours = (await Promise.all(scripts.map((name) => read(`www/${name}`)))).flatMap((code) =>
    Array.from(code.matchAll(/(?:BodyMapError\(|refuse\(port, )\s*'([a-z-]+)'/g), ([, found]) => found),
  );
  const expected = new Set([...rust, ...ours, 'worker-crashed']);
  // Whoever aborts a call gets the signal's reason, and this stays in the worker that goes.
  expected.delete('stopped');
  assert.deepEqual(typed.sort(), [...expected].sort());
});

test('pictures of every kind are read as they are shown', async (context) => {
  const { page } = await openHost(context);
  const sizes = await page.evaluate(async (name) => {
    const bodymap = await BodyMap.load({ threads: 1 });
    const image = new Image();
    image.src = `/samples/${name}`;
    await image.decode();
    const bitmap = await createImageBitmap(image);
    const canvas = new OffscreenCanvas(300, 200);
    const context2d = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
    context2d.drawImage(image, 0, 0);
    const frame = new VideoFrame(canvas, { timestamp: 0 });
    const data = context2d.getImageData(0, 0, 100, 50);
    const found = [];
    for (const source of [image, bitmap, canvas, frame, data]) {
      const parsing = await bodymap.parse(source);
      found.push(`${parsing.width}x${parsing.height}`);
    }
    frame.close();
    const small = await bodymap.parse(image, { maxSide: 300 });
    const unloaded = await failure(bodymap.parse(new Image()));
    const number = await failure(bodymap.parse(/** @type {any} */ (7)));
    return [...found, `${small.width}x${small.height}`, small.labels.length, small.people.length, unloaded, number];
  }, HOPPER);
  assert.deepEqual(sizes, [
    '512x600',
    '512x600',
    '300x200',
    '300x200',
    '100x50',
    '256x300',
    256 * 300,
    256 * 300,
    'bad-source',
    'bad-source',
  ]);
});

test('a photo is given out as it is parsed: at once, and from the parsing', async (context) => {
  const { page } = await openHost(context);
  const [stages, same, sizes, codes] = await page.evaluate(async (files) => {
    const bodymap = await BodyMap.load({ threads: 1 });
    const photo = await sample(files[0]);
    const pixelsOf = (/** @type {ImageBitmap} */ picture) => {
      const context2d = /** @type {OffscreenCanvasRenderingContext2D} */ (
        new OffscreenCanvas(picture.width, picture.height).getContext('2d')
      );
      context2d.drawImage(picture, 0, 0);
      return context2d.getImageData(0, 0, picture.width, picture.height).data;
    };
    /** @type {string[]} */
    const seen = [];
    /** @type {any} */
    let early;
    const parsing = await bodymap.parse(photo, {
      onProgress: ({ stage }) => void (seen.at(-1) !== stage && seen.push(stage)),
      onPhoto: (picture) => ((early = picture), seen.push('photo')),
    });
    const unpacked = await bodymap.unpack(await parsing.pack(), { source: photo });
    const whole = await createImageBitmap(await parsing.export('overlay', { opacity: 0 }));
    const pictures = [await parsing.photo(), await unpacked.photo(), whole];
    const expected = pixelsOf(early);
    const without = await bodymap.unpack(await parsing.pack());
    const other = await bodymap.unpack(await parsing.pack(), { source: await sample(files[1]) });
    const halved = await (await bodymap.parse(photo, { maxSide: 300 })).photo();
    return /** @type {const} */ ([
      seen,
      pictures.map((picture) => pixelsOf(picture).every((value, i) => value === expected[i])),
      [early, ...pictures, halved].map(({ width, height }) => `${width}x${height}`),
      [await failure(without.photo()), await failure(other.photo())],
    ]);
  }, [HOPPER, BIDEN]);
  assert.deepEqual(stages, ['decode', 'photo', 'inference', 'finish']);
  assert.deepEqual(same, [true, true, true]);
  assert.deepEqual(sizes, ['512x600', '512x600', '512x600', '512x600', '256x300']);
  assert.deepEqual(codes, ['bad-option', 'bad-option']);
});

test('pixels are read whatever their number, their colours and their bits', async (context) => {
  const { page } = await openHost(context);
  const [large, wide, tooLarge] = await page.evaluate(async () => {
    const bodymap = await BodyMap.load({ threads: 1 });
    const firstPixel = async (/** @type {any} */ source, maxSide = 64) => {
      const photo = await (await bodymap.parse(source, { maxSide })).photo();
      const context2d = /** @type {OffscreenCanvasRenderingContext2D} */ (new OffscreenCanvas(1, 1).getContext('2d'));
      context2d.drawImage(photo, 0, 0);
      return [...context2d.getImageData(0, 0, 1, 1).data];
    };
    // Above the area that is drawn at once; its last rows are of another colour than the first ones.
    const canvas = new OffscreenCanvas(5000, 4000);
    const context2d = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
    context2d.fillStyle = '#c03060';
    context2d.fillRect(0, 0, 5000, 4000);
    context2d.fillStyle = '#3060c0';
    context2d.fillRect(0, 3800, 5000, 200);
    const photo = await (await bodymap.parse(canvas, { maxSide: 1000 })).photo();
    const small = /** @type {OffscreenCanvasRenderingContext2D} */ (
      new OffscreenCanvas(1000, 800).getContext('2d', { willReadFrequently: true })
    );
    small.drawImage(photo, 0, 0);
    const rows = [10, 790].map((y) => [...small.getImageData(500, y, 1, 1).data.subarray(0, 3)]);
    const display = new ImageData(32, 32, { colorSpace: 'display-p3' });
    display.data.fill(255);
    for (let i = 0; i < display.data.length; i += 4) display.data.set([180, 90, 90], i);
    const svg = new Image();
    svg.src = `data:image/svg+xml,${encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" width="30000" height="20000"/>')}`;
    await svg.decode();
    return /** @type {const} */ ([rows, await firstPixel(display), await failure(bodymap.parse(svg))]);
  });
  assert.deepEqual(large, [[0xc0, 0x30, 0x60], [0x30, 0x60, 0xc0]]);
  // Display P3 (180, 90, 90) is a stronger red in sRGB.
  assert.ok(wide[0] > 185 && wide[1] < 90 && wide[2] < 90, `${wide}`);
  assert.equal(tooLarge, 'photo-too-large');
});

test('the limits of the scripts are those of the engine', async () => {
  const rust = await readFile(new URL('../../src/limits.rs', import.meta.url), 'utf8');
  const limits = await import('../../www/api/limits.js');
  for (const name of /** @type {const} */ (['MAX_PHOTO_BYTES', 'MAX_PHOTO_PIXELS', 'MAX_PHOTO_SIDE'])) {
    const [, value] = new RegExp(`pub const ${name}: \\w+ = ([\\d_<* ]+);`).exec(rust) ?? [];
    assert.ok(value, name);
    assert.equal(limits[name], Number(new Function(`return ${value}`)()), name);
  }
});

test('wrong options are refused by name and do no harm', async (context) => {
  const { page } = await openHost(context, { expected: /404/ });
  const outcome = await page.evaluate(async (name) => {
    const bodymap = await BodyMap.load({ threads: 1 });
    const parsing = await bodymap.parse(await sample(name));
    const canvas = new OffscreenCanvas(1, 1);
    const codes = [
      await failure(BodyMap.load({ threads: 0 })),
      await failure(BodyMap.load({ modelUrl: '/no-such-model' })),
      await failure(BodyMap.load({ workerUrl: '/no-such-worker.js' })),
      await failure(BodyMap.load({ wasmUrl: '/no-such-engine' })),
      await failure(parsing.export(/** @type {any} */ ('xml'))),
      await failure(parsing.paint(canvas, /** @type {any} */ ({ colour: 'red' }))),
      await failure(parsing.paint(canvas, { palette: /** @type {any} */ ('rainbow') })),
      await failure(parsing.paint(canvas, { classes: [200] })),
      await failure(parsing.paint(canvas, { width: 4096 })),
      await failure(bodymap.parse(await sample(name), { setting: 'best' })),
    ];
    await parsing.paint(canvas, { width: 51, height: 60 });
    return [...codes, canvas.width, canvas.height];
  }, HOPPER);
  const [bad, missing] = ['bad-option', 'download-failed'];
  assert.deepEqual(outcome, [bad, missing, missing, missing, bad, bad, bad, bad, bad, bad, 51, 60]);
});

test('without cross-origin isolation one thread is used', async (context) => {
  const { page } = await openHost(context, { headers: false });
  assert.deepEqual(
    await page.evaluate(async () => {
      const bodymap = await BodyMap.load({ threads: 4 });
      return [globalThis.crossOriginIsolated, bodymap.threads, bodymap.classes.length, bodymap.model.label_set, ...bodymap.settings];
    }),
    [false, 1, 20, 'cihp', 'fast', 'fine'],
  );
});

test('where the threads cannot be started the work goes on with one', async (context) => {
  const { page } = await openHost(context, {
    alter: (path, body) => (path === 'pool-worker.js' ? null : body),
    expected: /going on with one thread|404/,
  });
  assert.equal(await page.evaluate(async () => (await BodyMap.load({ threads: 2 })).threads), 1);
});

test('every format is a file of the native binary\'s kind, named after the photo', async (context) => {
  const { page } = await openHost(context);
  const files = await page.evaluate(async (name) => {
    const bodymap = await BodyMap.load({ threads: 1 });
    const photo = new File([await sample(name)], 'p.1.jpg');
    const parsing = await bodymap.parse(photo);
    const formats = /** @type {const} */ ([
      'labelmap', 'colormap', 'overlay', 'people', 'json', 'modelscope',
      'masks', 'cihp', 'lip', 'coco', 'cvat', 'labelstudio', 'labelme',
    ]);
    const written = [];
    for (const format of formats) {
      const file = await parsing.export(format, { photos: '../photos/' });
      written.push([file.name, file.type, await latin1(file)]);
    }
    return written;
  }, HOPPER);
  assert.deepEqual(
    files.map(([name, type]) => [name, type]),
    [
      ['p.1.png', 'image/png'],
      ['p.1.colormap.png', 'image/png'],
      ['p.1.overlay.png', 'image/png'],
      ['p.1.people.png', 'image/png'],
      ['p.1.json', 'application/json'],
      ['p.1.modelscope.json', 'application/json'],
      ['p.1.masks.zip', 'application/zip'],
      ['p.1.cihp.zip', 'application/zip'],
      ['p.1.lip.zip', 'application/zip'],
      ['p.1.coco.json', 'application/json'],
      ['p.1.cvat.zip', 'application/zip'],
      ['p.1.labelstudio.json', 'application/json'],
      ['p.1.json', 'application/json'],
    ],
  );
  const [labelmap, ...others] = files.map(([, , bytes]) => Buffer.from(bytes, 'latin1'));
  assert.ok(agreement(labelmap, await native(HOPPER)) >= 0.999);
  // The zip's pictures are those of the parsing.
  const category = /** @type {Buffer} */ (readZip(others[6]).get('Category_ids/p.1.png'));
  assert.ok(category.length > 100);
  assert.equal(JSON.parse(others.at(-1)?.toString() ?? '').imagePath, '../photos/p.1.jpg');
  assert.equal(JSON.parse(others[8].toString()).images[0].file_name, 'p.1.jpg');
});

test('a packed parsing is small, and gives the same exports when it is whole again', async (context) => {
  const { page } = await openHost(context);
  const outcome = await page.evaluate(async (files) => {
    const bodymap = await BodyMap.load({ threads: 1 });
    const photo = await sample(files[0]);
    const parsing = await bodymap.parse(photo);
    const packed = await parsing.pack();
    const other = await bodymap.parse(await sample(files[1]));
    const again = await bodymap.unpack(packed, { source: photo });
    const same = [];
    for (const format of /** @type {const} */ (['coco', 'people', 'overlay'])) {
      same.push((await latin1(await parsing.export(format))) === (await latin1(await again.export(format))));
    }
    const without = await bodymap.unpack(packed);
    return [
      packed.size < parsing.labels.length / 4,
      ...same,
      again.labels.every((label, i) => label === parsing.labels[i]),
      other.width,
      await failure(without.export('overlay')),
      await failure(bodymap.unpack(new Blob(['no parsing']))),
      await failure(bodymap.unpack(photo)),
    ];
  }, [HOPPER, BIDEN]);
  const bad = 'bad-option';
  assert.deepEqual(outcome, [true, true, true, true, true, outcome[5], bad, bad, bad]);
});

test('a data set takes photos under their names, and says which it cannot', async (context) => {
  const { page } = await openHost(context);
  const [codes, size, name, bytes] = await page.evaluate(async (file) => {
    const bodymap = await BodyMap.load({ threads: 1 });
    const parsing = await bodymap.parse(await sample(file));
    const set = bodymap.dataSet('labelmap');
    await set.add(parsing, { name: 'a/p.jpg' });
    const failed = [
      await failure(set.add(parsing, { name: 'a/p.png' })),
      await failure(set.add(parsing, { name: '../p.jpg' })),
      await failure(bodymap.dataSet(/** @type {any} */ ('xml')).add(parsing)),
    ];
    await set.add(parsing, { name: 'b.jpg' });
    const zip = await set.finish();
    return /** @type {const} */ ([failed, set.size, zip.name, await latin1(zip)]);
  }, HOPPER);
  assert.deepEqual(codes, ['name-clash', 'bad-option', 'bad-option']);
  assert.deepEqual([size, name], [2, 'labelmap.zip']);
  const files = readZip(Buffer.from(bytes, 'latin1'));
  assert.deepEqual([...files.keys()], ['a/p.png', 'b.png']);
  assert.ok(files.get('b.png')?.equals(/** @type {Buffer} */ (files.get('a/p.png'))));
});

test('the example of docs/formats.md', async (context) => {
  const { page } = await openHost(context);
  const [, example] = blocks('docs/formats.md', 'js');
  const code = example.replace("import { BodyMap } from './bodymap.js';", '');
  assert.notEqual(code, example);
  const names = await page.evaluate(
    `(async () => { const photo = await sample('${HOPPER}'); ${code}; return [file.name, zip.name, zip.size > 1000]; })()`,
  );
  assert.deepEqual(names, ['p1.coco.json', 'cvat.zip', true]);
});
