import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { SAMPLES, openPage } from '../browser/browser.mjs';
import { agreement, native } from '../browser/label-map.mjs';
import { PACKAGES } from './packages.mjs';

const HOPPER = 'mpl_grace_hopper.jpg';

const ISOLATION = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

/**
 * Installs a project of this folder with the packed packages, as its users do, and builds it.
 *
 * @param {string} name
 * @returns {Promise<(command: string, ...parameters: string[]) => Promise<string>>} runs a command there
 */
async function build(name) {
  const cwd = fileURLToPath(new URL(`./${name}/`, import.meta.url));
  const run = async (/** @type {string} */ command, /** @type {string[]} */ ...parameters) => {
    const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1' };
    const { stdout } = await promisify(execFile)(command, parameters, { cwd, env }).catch((error) => {
      throw new Error(`${command} ${parameters.join(' ')}: ${error.stdout}${error.stderr}`);
    });
    return stdout;
  };
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund'];
  await run('npm', 'ci', '--prefer-offline', ...quiet);
  const packed = (await readdir(PACKAGES)).filter((file) => file.endsWith('.tgz'));
  assert.equal(packed.length, 2);
  await run('npm', 'install', '--no-save', '--offline', ...quiet, ...packed.map((file) => join(PACKAGES, file)));
  await run('npm', 'run', 'build');
  return run;
}

/**
 * The built project parses a photo in the browser as the command line does.
 *
 * @param {import('node:test').TestContext} context
 * @param {string} folder of what was built
 * @param {{ [name: string]: string }} headers
 */
async function parsesIn(context, folder, headers) {
  const { page } = await openPage(context, {
    folder: fileURLToPath(new URL(`./${folder}/`, import.meta.url)),
    headers: false,
    more: headers,
  });
  // What listens may come a moment after the page.
  await page.waitForLoadState('networkidle');
  await page.setInputFiles('input', SAMPLES + HOPPER);
  await page.waitForFunction(() => Object.hasOwn(globalThis, 'parsing'));
  const { map, threads, cores, width } = await page.evaluate(async () => {
    const { parsing, bodymap } = Object(globalThis);
    const bytes = new Uint8Array(await (await parsing.export('labelmap')).arrayBuffer());
    const latin1 = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
    const canvas = /** @type {HTMLCanvasElement} */ (document.querySelector('canvas'));
    return { map: latin1, threads: bodymap.threads, cores: navigator.hardwareConcurrency, width: canvas.width };
  });
  assert.ok(agreement(Buffer.from(map, 'latin1'), await native(HOPPER)) >= 0.999);
  assert.equal(width, 512);
  assert.equal(threads, headers === ISOLATION ? Math.min(cores, 8) : 1);
  return page;
}

test('Vite: pages, with threads, and code for a server', async (context) => {
  const run = await build('vite');
  const page = await parsesIn(context, 'vite/dist', ISOLATION);
  await page.locator('body-map:state(done)').waitFor();
  // On a server everything can be imported, bundled or from node_modules, and says what it cannot do there.
  const render = (/** @type {string} */ from) =>
    run('node', '--input-type=module', '--eval', `console.log(await (await import('${from}')).render())`);
  assert.equal(await render('./dist/server/server.js'), 'BodyMapElement BodyMapFrame unsupported-browser\n');
  assert.equal(await render('./src/server.js'), 'BodyMapElement BodyMapFrame unsupported-browser\n');
});

test('webpack: pages, without threads where the page is not isolated', async (context) => {
  await build('webpack');
  await parsesIn(context, 'webpack/dist', {});
});

test('Next: a page rendered on the server, with threads', async (context) => {
  await build('next');
  await parsesIn(context, 'next/out', ISOLATION);
});
