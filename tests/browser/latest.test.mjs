import assert from 'node:assert/strict';
import { test } from 'node:test';

import { latest } from '../../www/page/latest.js';

/** A task that records its inputs and ends when it is told how. */
function slowTask() {
  /** @type {{ input: string, end: () => void, fail: (reason: Error) => void }[]} */
  const runs = [];
  const task = (/** @type {string} */ input) =>
    new Promise((/** @type {(value: void) => void} */ resolve, reject) => runs.push({ input, end: resolve, fail: reject }));
  return { runs, call: latest(task), inputs: () => runs.map(({ input }) => input).join() };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('while a task runs only the newest call waits', async () => {
  const { runs, call, inputs } = slowTask();
  const calls = ['a', 'b', 'c'].map(call);
  await turn();
  // Before the first one has begun it is dropped as well.
  assert.equal(inputs(), 'c');
  calls.push(...['d', 'e', 'f'].map(call));
  await turn();
  assert.equal(inputs(), 'c');
  runs[0].end();
  await turn();
  assert.equal(inputs(), 'c,f');
  runs[1].end();
  await Promise.all(calls);
  assert.equal(inputs(), 'c,f');
});

test('a task that fails does not take the waiting call with it', async () => {
  const { runs, call, inputs } = slowTask();
  const first = call('a');
  await turn();
  const second = call('b');
  const failed = assert.rejects(first, /no memory/);
  runs[0].fail(new Error('no memory'));
  await failed;
  await turn();
  assert.equal(inputs(), 'a,b');
  runs[1].end();
  await second;
  const third = call('c');
  await turn();
  assert.equal(inputs(), 'a,b,c');
  runs[2].end();
  await third;
});

test('a call is over when its own task is', async () => {
  const { runs, call } = slowTask();
  call('a');
  await turn();
  let isOver = false;
  const waiting = call('b').then(() => (isOver = true));
  await turn();
  assert.equal(isOver, false);
  runs[0].end();
  await turn();
  assert.equal(isOver, false);
  runs[1].end();
  await waiting;
});
