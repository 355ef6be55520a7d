import { BodyMap } from 'bodymap';
import 'bodymap/element';

const input = document.querySelector('input');
input.addEventListener('change', async () => {
  const [photo] = input.files;
  document.querySelector('body-map').file = photo;
  const bodymap = await BodyMap.load({ workerUrl: '/bodymap/worker.js' });
  const parsing = await bodymap.parse(photo);
  await parsing.paint(document.querySelector('canvas'));
  // For the test.
  Object.assign(globalThis, { bodymap, parsing });
});
