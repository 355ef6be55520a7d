/**
 * Runs the same networks on several engines in one page of a headless browser, in turn; see scripts/bench.
 *
 * @typedef {import('./report.mjs').Row} Row
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { basename, dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { setTimeout as wait } from 'node:timers/promises';

import { chromium } from 'playwright-core';

import { LAUNCH } from '../../tests/browser/chromium.mjs';
import { cpuSeconds } from './cpu.mjs';
import { readModels } from './models.mjs';
import { printModel, printProfile } from './report.mjs';
import { serve } from './server.mjs';

/**
 * Where the page finds each engine, and the variable in which scripts/bench hands its folder over.
 *
 * @type {{ [engine: string]: [prefix: string, variable: string] }}
 */
const FOLDERS = {
  bodymap: ['/bodymap/', 'BENCH_SITE'],
  tract: ['/peers/', 'BENCH_PEERS'],
  'onnxruntime-web': ['/onnxruntime-web/', 'BENCH_ONNXRUNTIME'],
  rten: ['/peers/', 'BENCH_PEERS'],
};
const ENGINES = Object.keys(FOLDERS);
const OURS = 'bodymap';
const REFERENCE = 'onnxruntime-web';
const PHOTO = fileURLToPath(new URL('../../www/samples/mpl_grace_hopper.jpg', import.meta.url));
const MOST_THREADS = 8;
/** Load of a machine that does nothing else. */
const IDLE = 0.3;
/** Threads of some engines spin for a while after a run; their time is not that of the next. */
const SETTLING = 1000;
const PROFILED_RUNS = 3;

const { values: options } = parseArgs({
  options: {
    model: { type: 'string', multiple: true, default: ['default'] },
    threads: { type: 'string', multiple: true, default: ['1', String(Math.min(availableParallelism(), MOST_THREADS))] },
    engine: { type: 'string', multiple: true, default: ENGINES },
    repeats: { type: 'string', default: '10' },
    json: { type: 'string' },
  },
});
const repeats = whole('repeats', options.repeats);
const threadCounts = [...new Set(options.threads.map((count) => whole('threads', count)))];
for (const engine of options.engine) {
  if (!ENGINES.includes(engine)) throw new Error(`--engine ${engine}: there are ${ENGINES.join(', ')}`);
}
const models = options.model.flatMap((argument) => {
  const found = readModels(argument);
  if (found.missing === undefined) return found.models;
  console.log(`skipped ${argument}: there is no file ${found.missing}`);
  return [];
});

/** @type {{ [prefix: string]: string }} */
const folders = { '/page/': dirname(fileURLToPath(import.meta.url)), '/photo/': dirname(PHOTO) };
for (const engine of options.engine) {
  const [prefix, variable] = FOLDERS[engine];
  folders[prefix] = folder(variable);
}
const server = await serve(folders);
const launched = await chromium.launchServer(LAUNCH);
const browser = await chromium.connect(launched.wsEndpoint());
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(0);
  page.on('pageerror', (error) => console.error(`the page threw: ${error.message}`));
  await page.goto(`${server.url}page/index.html`);
  await page.waitForFunction(() => 'bench' in globalThis);
  if (!(await page.evaluate(() => crossOriginIsolated))) throw new Error('the page is not isolated: no threads');

  const machine = { processor: cpus()[0].model, cores: cpus().length, browser: browser.version(), load: loadavg()[0] };
  console.log(`${machine.cores} x ${machine.processor}, Chromium ${machine.browser}, ${repeats} repeats`);
  if (machine.load > IDLE) {
    console.log(`Other work is running (load ${machine.load.toFixed(1)}): only the ratios mean something.`);
  }
  const measured = [];
  for (const model of models) measured.push(await measure(page, model));
  if (options.json) writeFileSync(options.json, `${JSON.stringify({ machine, models: measured }, null, 1)}\n`);
} finally {
  await browser.close();
  await launched.close();
  server.close();
}

/**
 * @param {import('playwright-core').Page} page
 * @param {import('./models.mjs').Model} model
 */
async function measure(page, { id, forms, width, height, mean, std }) {
  const photo = `/photo/${basename(PHOTO)}`;
  await page.evaluate(
    ([photoUrl, size, means, stds]) => Object(globalThis).bench.prepare(photoUrl, size, means, stds),
    /** @type {const} */ ([photo, { width, height }, mean, std]),
  );

  /** @type {Row[]} */
  const rows = [];
  for (const threads of threadCounts) {
    for (const engine of options.engine) {
      // Ours takes the form that is its own.
      for (const form of engine === OURS ? forms.slice(0, 1) : forms) {
        const key = `${engine}, ${form.name}, ${threads}`;
        try {
          await page.evaluate(
            ([name, kind, count, urls]) => Object(globalThis).bench.load(name, kind, count, urls),
            /** @type {const} */ ([key, engine, threads, form.files.map(url)]),
          );
          rows.push({ key, engine, form: form.name, threads, milliseconds: [], cpu: [], difference: null, profile: null });
        } catch (error) {
          const { message } = /** @type {Error} */ (error);
          const reason = message.split('\n')[0].replace(/^page\.evaluate: Error: /, '');
          console.log(`${engine} cannot run ${form.name} in ${width}x${height} on ${threads} thread(s): ${reason}`);
        }
      }
    }
  }

  const reference = rows.find(({ engine }) => engine === REFERENCE) ?? rows[0];
  for (const row of rows) {
    row.difference = await page.evaluate(
      ([key, other]) => Object(globalThis).bench.compare(key, other),
      /** @type {const} */ ([row.key, reference.key]),
    );
  }
  const pid = /** @type {number} */ (launched.process().pid);
  for (let i = 0; i < repeats; i++) {
    // Each engine comes after each other one.
    for (let j = 0; j < rows.length; j++) {
      const row = rows[(i + j) % rows.length];
      await wait(SETTLING);
      const before = cpuSeconds(pid);
      row.milliseconds.push(await page.evaluate((key) => Object(globalThis).bench.run(key), row.key));
      const after = cpuSeconds(pid);
      if (before !== null && after !== null) row.cpu.push(after - before);
    }
  }
  for (const row of rows.filter(({ engine }) => engine === OURS)) {
    row.profile = await page.evaluate(
      ([key, runs]) => Object(globalThis).bench.profile(key, runs),
      /** @type {const} */ ([row.key, PROFILED_RUNS]),
    );
  }
  await page.evaluate(() => Object(globalThis).bench.unload());

  const macs = rows.find(({ profile }) => profile)?.profile?.reduce((sum, node) => sum + node.macs, 0) ?? null;
  const measured = { id, width, height, macs, reference: reference?.key ?? null, rows };
  printModel(measured);
  for (const row of rows) printProfile(row);
  return measured;
}

/**
 * The address at which the page finds a file.
 *
 * @param {string} file
 */
function url(file) {
  const directory = dirname(resolve(file));
  const known = Object.keys(folders).find((prefix) => folders[prefix] === directory);
  const prefix = known ?? `/models/${Object.keys(folders).length}/`;
  folders[prefix] = directory;
  return prefix + encodeURIComponent(basename(file));
}

/** @param {string} variable set by scripts/bench */
function folder(variable) {
  const value = process.env[variable];
  if (!value) throw new Error(`${variable} is not set; run scripts/bench`);
  return value;
}

/**
 * @param {string} option
 * @param {string} value
 */
function whole(option, value) {
  const number = Number(value);
  if (Number.isInteger(number) && number > 0) return number;
  throw new Error(`--${option} ${value}: a whole number from 1 on is wanted`);
}
