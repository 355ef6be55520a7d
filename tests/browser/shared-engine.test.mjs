import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';

import { lease } from '../../www/api/shared-engine.js';
import { BodyMap } from '../../www/bodymap.js';

/** As in the module. */
const KEEP = 10_000;

/** @type {{ succeed: () => void, fail: (reason: Error) => void, isDisposed: boolean }[]} Engines that are being loaded, or were. */
let loads = [];
/** @type {string} No two tests share an engine. */
let model = '';

beforeEach(({ name }) => {
  loads = [];
  model = name;
  mock.timers.enable({ apis: ['setTimeout'] });
  mock.method(BodyMap, 'load', () => {
    const { promise, resolve, reject } = /** @type {any} */ (withResolvers());
    const load = { succeed: () => resolve({ dispose: () => (load.isDisposed = true) }), fail: reject, isDisposed: false };
    loads.push(load);
    return promise;
  });
});

afterEach(() => {
  mock.timers.reset();
  mock.restoreAll();
});

/** As `Promise.withResolvers`, which Node 20 has not. */
function withResolvers() {
  /** @type {any} */
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const use = () => lease({ model }, () => {});

test('a load that fails late does not take along the engine that came after it', async () => {
  const early = use();
  early.end();
  mock.timers.tick(KEEP);
  const late = use();
  assert.equal(loads.length, 2);
  loads[0].fail(new Error('no network'));
  await assert.rejects(early.bodymap);
  loads[1].succeed();
  await late.bodymap;
  // The third user has the second engine.
  assert.equal(use().bodymap, late.bodymap);
  assert.equal(loads.length, 2);
  assert.equal(loads[1].isDisposed, false);
});

test('an engine is kept for ten seconds after its last user, not after an earlier one', async () => {
  const first = use();
  loads[0].succeed();
  await turn();
  first.end();
  mock.timers.tick(KEEP - 1);
  use().end();
  mock.timers.tick(KEEP - 1);
  await turn();
  assert.equal(loads[0].isDisposed, false);
  const last = use();
  assert.equal(loads.length, 1);
  mock.timers.tick(2 * KEEP);
  await turn();
  assert.equal(loads[0].isDisposed, false);
  last.end();
  mock.timers.tick(KEEP);
  await turn();
  assert.equal(loads[0].isDisposed, true);
});

test('after a load that failed the next user loads again, and the failed one disposes of nothing', async () => {
  const first = use();
  loads[0].fail(new Error('no network'));
  await assert.rejects(first.bodymap);
  const second = use();
  assert.equal(loads.length, 2);
  loads[1].succeed();
  await second.bodymap;
  first.end();
  mock.timers.tick(KEEP);
  await turn();
  assert.equal(loads[1].isDisposed, false);
  assert.equal(use().bodymap, second.bodymap);
});
