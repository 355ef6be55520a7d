import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, readdir, stat } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { PACKAGES } from './packages.mjs';

const WWW = new URL('../../www/', import.meta.url);
const MOST_BYTES = 8e6;

/** @param {string} start of the archive's name */
async function archive(start) {
  const [name, ...others] = (await readdir(PACKAGES)).filter((file) => file.endsWith('.tgz') && /\d/.test(file[start.length]) && file.startsWith(start));
  assert.deepEqual(others, []);
  const path = join(PACKAGES, name);
  const { stdout } = await promisify(execFile)('tar', ['-tzf', path]);
  const files = stdout.trimEnd().split('\n').map((file) => file.replace(/^package\//, ''));
  return { files: files.sort(), bytes: (await stat(path)).size, folder: join(PACKAGES, start.slice(0, -1)) };
}

const files = async (/** @type {string} */ folder) =>
  (await readdir(new URL(folder, WWW))).filter((name) => name.endsWith('.js')).map((name) => folder + name);

test('bodymap: what is in it, and how much', async () => {
  const { files: packed, bytes, folder } = await archive('bodymap-');
  const snippet = packed.find((file) => file.includes('/snippets/'))?.match(/wasm-bindgen-rayon-\w+/)?.[0];
  const flavour = (/** @type {string} */ name) => [
    `pkg/${name}/bodymap.js`,
    `pkg/${name}/bodymap_bg.wasm`,
    `pkg/${name}/snippets/${snippet}/src/workerHelpers.js`,
  ];
  const expected = [
    'LICENSE-APACHE', 'LICENSE-MIT', 'LICENSE-THIRD-PARTY', 'README.md', 'package.json',
    'bodymap.js', 'bodymap.d.ts', 'body-map.js', 'body-map.d.ts', 'bodymap-frame.js', 'bodymap-frame.d.ts',
    'worker.js', 'pool.js', 'pool-worker.js',
    ...(await files('api/')), ...(await files('worker/')), ...flavour('threaded'), ...flavour('threadless'),
  ];
  assert.deepEqual(packed, expected.sort());
  assert.ok(bytes < MOST_BYTES, `${bytes} bytes`);

  const { version, exports, scripts, dependencies, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  assert.deepEqual([scripts, dependencies, license], [undefined, undefined, 'MIT OR Apache-2.0']);
  assert.equal(version, /^version = "(.*)"$/m.exec(await readFile(new URL('../../Cargo.toml', import.meta.url), 'utf8'))?.[1]);
  const targets = Object.values(exports).flatMap((target) => (typeof target === 'string' ? target : Object.values(target)));
  for (const target of targets) assert.ok(packed.includes(target.slice(2)), target);

  // Whatever a module imports is there as well.
  for (const file of packed.filter((name) => name.endsWith('.js'))) {
    const code = await readFile(join(folder, file), 'utf8');
    for (const [, specifier] of code.matchAll(/^(?:import|export) .*from '(\..*)';$|^import '(\..*)';$/gm)) {
      assert.ok(packed.includes(normalize(join(dirname(file), specifier))), `${file} imports ${specifier}`);
    }
  }
  const licences = await readFile(join(folder, 'LICENSE-THIRD-PARTY'), 'utf8');
  assert.match(licences, /^The weights of the default model, Apache-2\.0/m);
  for (const crate of ['tract-onnx', 'image-webp', 'zune-jpeg', 'rayon', 'wasm-bindgen']) assert.match(licences, new RegExp(`^${crate} \\d`, 'm'));
  assert.match(licences, /Permission is hereby granted/);
});

test('bodymap-model-default: the model and its card', async () => {
  const { files: packed, folder } = await archive('bodymap-model-default-');
  assert.deepEqual(packed, ['LICENSE-APACHE', 'README.md', 'card.json', 'default.onnx', 'package.json']);
  const [card, own] = await Promise.all(
    ['card.json', 'package.json'].map(async (name) => JSON.parse(await readFile(join(folder, name), 'utf8'))),
  );
  assert.deepEqual([own.version, own.scripts, own.license], [card.version, undefined, card.licence.name]);
});
