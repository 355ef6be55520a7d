import { BodyMap } from 'bodymap';

const input = document.querySelector('input');
input.addEventListener('change', async () => {
  const bodymap = await BodyMap.load({ workerUrl: '/bodymap/worker.js' });
  const parsing = await bodymap.parse(input.files[0]);
  await parsing.paint(document.querySelector('canvas'));
  // For the test.
  Object.assign(globalThis, { bodymap, parsing });
});
