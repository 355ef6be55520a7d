import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { SAMPLES, blocks, openPage } from './browser.mjs';
import { HOST, serveSite } from './site.mjs';

/*
 * Runs what is written in docs/embedding.md and README.md, and checks its types.
 */

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const HOPPER = 'mpl_grace_hopper.jpg';
/** Where the examples of the section on bundlers have the package. */
const PREFIX = '/bodymap/';
const ISOLATION = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };

const scripts = blocks('docs/embedding.md', 'js');
const pages = blocks('docs/embedding.md', 'html');

/** What holds after an example has run, by what only that example has in it. */
const CHECKS = [
  ['pixels of hair', '[labels.length === width * height, hair.id, persons.size]', [true, 2, 1]],
  ['parsing.photo()', '[under.width, under.height]', [512, 600]],
  ['onProgress(', '[outcome, stages.has("decode"), timings.inference > 0]', ['AbortError', true, true]],
  ['second.dispose()', '[same, second.threads]', [true, 1]],
  ['function explain', '/\\(unsupported-format\\)$/.test(sentence)', true],
  ['OffscreenCanvas', '[canvas.width, coco.name, coco.size > 1000]', [512, 'p1.coco.json', true]],
  ["from 'bodymap'", 'bodymap.classes.length', 20],
  ["createElement('body-map')", '[labels.includes("Face"), element.parsing.height]', [true, 400]],
  ['BodyMapFrame.open', '[segments.length > 3, picture.slice(0, 5), files.length]', [true, 'blob:', 2]],
];

/** Two files for the pages of other origins. */
const forOthers = scripts.filter((code) => code.includes("import 'https:"));

test('the examples in JavaScript', async (context) => {
  const { page } = await openPage(context, {
    path: HOST,
    prefix: PREFIX,
    headers: false,
    more: ISOLATION,
    context: { serviceWorkers: 'block' },
  });
  await page.evaluate(async (name) => {
    const { BodyMap } = await import(/** @type {any} */ ('/bodymap/bodymap.js'));
    const photo = await (await fetch(`samples/${name}`)).blob();
    const bodymap = await BodyMap.load();
    Object.assign(globalThis, { bodymap, photo, parsing: await bodymap.parse(photo) });
  }, HOPPER);
  const rest = new Set(scripts.filter((code) => !forOthers.includes(code)));
  for (const [mark, expression, expected] of CHECKS) {
    const [code, ...others] = [...rest].filter((candidate) => candidate.includes(String(mark)));
    assert.ok(code && others.length === 0, `one example has ${mark}`);
    rest.delete(code);
    const body = code
      .replaceAll(/^import (\{.*\}) from '(.*)';$/gm, (_, names, from) => `const ${names} = await import('${fileOf(from)}');`)
      .replaceAll(/^import '(.*)';$/gm, (_, from) => `await import('${fileOf(from)}');`);
    const found = await page.evaluate(`(async () => { ${body}\nreturn ${expression}; })()`);
    assert.deepEqual(found, expected, code);
  }
  assert.deepEqual([...rest], [], 'examples that nothing checks');
});

/** @param {string} specifier */
function fileOf(specifier) {
  return specifier === 'bodymap' ? `${PREFIX}bodymap.js` : specifier.replace('./', PREFIX);
}

for (const [name, html] of /** @type {const} */ ([
  ['the page of the README', blocks('README.md', 'html')[0]],
  ['the page with the API', pages[0]],
  ['the page with the element', pages[1]],
])) {
  test(name, async (context) => {
    const { page } = await openPage(context, {
      path: 'example.html',
      pages: { 'example.html': `<!doctype html><link rel="icon" href="data:,">${html}`, 'photo.jpg': await readFile(SAMPLES + HOPPER) },
      headers: false,
      more: ISOLATION,
      context: { serviceWorkers: 'block' },
    });
    await page.waitForFunction(() => {
      const canvas = document.querySelector('canvas') ?? document.querySelector('body-map')?.shadowRoot?.querySelector('canvas');
      return canvas?.checkVisibility() && canvas.width === 512 && canvas.height === 600;
    });
  });
}

test('the two files for a page of another origin', async (context) => {
  const cors = { 'access-control-allow-origin': '*', 'cross-origin-resource-policy': 'cross-origin' };
  const other = await serveSite({ more: cors });
  context.after(() => other.close());
  const [worker, poolWorker] = forOthers.map((code) => code.replace('https://bodymap.example/', other.url));
  const { page } = await openPage(context, {
    path: HOST,
    headers: false,
    more: ISOLATION,
    alter: () => null,
    pages: { 'engine/worker.js': worker, 'engine/pool-worker.js': poolWorker },
    others: [other.url],
  });
  const [threads, cores] = await page.evaluate(async (url) => {
    const { BodyMap } = await import(/** @type {any} */ (`${url}bodymap.js`));
    return [(await BodyMap.load({ workerUrl: '/engine/worker.js' })).threads, navigator.hardwareConcurrency];
  }, other.url);
  assert.equal(threads, Math.min(cores, 8));
});

test('the commands and the list of origins', async () => {
  const [install] = blocks('docs/embedding.md', 'sh');
  const [, ...copy] = install.trim().split('\n');
  for (const bundler of ['vite', 'webpack', 'next']) {
    const project = JSON.parse(await readFile(`${ROOT}tests/bundlers/${bundler}/package.json`, 'utf8'));
    assert.equal(project.scripts.prebuild, copy.join(' && '));
  }
  assert.ok((await readFile(`${ROOT}packages/bodymap/README.md`, 'utf8')).includes(install));
  const [list] = blocks('docs/embedding.md', 'json');
  for (const origin of JSON.parse(list).origins) assert.equal(new URL(origin).origin, origin);
});

test('tsc --strict accepts the examples, with the types as they are published', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'bodymap-types-'));
  context.after(() => rm(folder, { recursive: true }));
  const modules = pages.map((html) => /<script type="module">\n(.*?)<\/script>/s.exec(html)?.[1] ?? '');
  const checked = [...scripts.filter((code) => !forOthers.includes(code)), ...modules];
  // What stands before them on the page.
  const known = `declare const bodymap: import('bodymap').BodyMap;
    declare const parsing: import('bodymap').Parsing;
    declare const photo: Blob;`;
  await writeFile(join(folder, 'known.d.ts'), known);
  for (const [i, code] of checked.entries()) await writeFile(join(folder, `example-${i}.js`), `${code}\nexport {};\n`);
  const compilerOptions = {
    strict: true,
    noEmit: true,
    allowJs: true,
    checkJs: true,
    target: 'es2023',
    module: 'esnext',
    moduleResolution: 'bundler',
    lib: ['es2023', 'dom', 'dom.iterable'],
    types: [],
    // The package's names are those of its exports; `./` is the folder of the site.
    paths: {
      bodymap: [`${ROOT}www/bodymap.d.ts`],
      'bodymap/element': [`${ROOT}www/body-map.d.ts`],
      'bodymap/frame': [`${ROOT}www/bodymap-frame.d.ts`],
    },
    rootDirs: [folder, `${ROOT}www`],
  };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*'] }));
  const tsc = join(ROOT, 'node_modules/.bin/tsc');
  const check = () => promisify(execFile)(tsc, ['-p', folder]).then(() => '', ({ stdout }) => stdout);
  assert.equal(await check(), '');
  // The check sees mistakes.
  await writeFile(join(folder, 'mistake.js'), "import { BodyMap } from 'bodymap';\nBodyMap.load({ thread: 1 });\n");
  assert.match(await check(), /mistake\.js.*thread/);
});
