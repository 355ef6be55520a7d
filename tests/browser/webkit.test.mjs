import { test } from 'node:test';

import { tryApi, tryPage } from './trial.mjs';
import { missing as skip, openWebKit } from './webkit.mjs';

/** WebKitGTK keeps shared memory from pages, isolated or not, unless it is told otherwise. */
const SHARED_MEMORY = { JSC_useSharedArrayBuffer: 'true' };

test('WebKitGTK: the page', { skip }, async (context) => {
  await tryPage(context, await openWebKit(context), { isolated: true, shared: false });
});

test('WebKitGTK: isolated without shared memory, and so one thread', { skip }, async (context) => {
  const expected = { headers: true, threads: 2, isolated: true, shared: false, flavour: /^threadless/ };
  await tryApi(context, await openWebKit(context), expected);
});

test('WebKitGTK: two threads where shared memory is switched on', { skip }, async (context) => {
  // WebKit takes long for the first photo of every engine.
  const photos = ['mpl_grace_hopper.jpg', 'facerec_biden.jpg'];
  const expected = { headers: true, threads: 2, isolated: true, shared: true, flavour: /^threaded/, photos };
  await tryApi(context, await openWebKit(context, SHARED_MEMORY), expected);
});
