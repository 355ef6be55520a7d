import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { OUT } from './browser.mjs';
import { SITE } from './site.mjs';

const CARD = fileURLToPath(new URL('../models/people/card.json', import.meta.url));
const SCRIPT = fileURLToPath(new URL('../../scripts/bench-page/run.mjs', import.meta.url));

test('the benchmark measures our engine, and any number of threads gives the same', async () => {
  await mkdir(OUT, { recursive: true });
  const json = `${OUT}bench.json`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [SCRIPT, '--engine=bodymap', '--threads=1', '--threads=2', '--repeats=2', '--json', json]
      .concat(['--model', CARD, '--model', 'missing.onnx@64x64']),
    { env: { ...process.env, BENCH_SITE: SITE } },
  );
  assert.match(stdout, /skipped missing.onnx@64x64/);
  const { models } = JSON.parse(await readFile(json, 'utf8'));
  assert.ok(models.length > 0);
  for (const { id, macs, rows } of models) {
    assert.ok(stdout.includes(id) && macs > 0, id);
    assert.deepEqual(rows.map((/** @type {{ threads: number }} */ { threads }) => threads), [1, 2]);
    for (const { milliseconds, difference, profile } of rows) {
      assert.equal(milliseconds.length, 2);
      assert.ok(Math.min(...milliseconds) > 0);
      assert.equal(difference.max, 0);
      assert.ok(difference.scale > 0);
      assert.equal(difference.agreement, 1);
      assert.ok(profile.some((/** @type {{ operator: string }} */ { operator }) => operator === 'BodymapConv'));
    }
  }
});
