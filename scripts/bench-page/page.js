/**
 * The page that run.mjs drives: one worker for each engine and number of threads.
 *
 * @typedef {import('./bench.d.ts').Output} Output
 */

/** @type {Map<string, { worker: Worker, outputs: Output[] }>} */
const loaded = new Map();
/** @type {{ size: import('./bench.d.ts').Size, values: Float32Array }} */
let input;

/** @type {import('./bench.d.ts').Bench} */
const bench = {
  async prepare(photoUrl, size, mean, std) {
    input = { size, values: await tensor(photoUrl, size, mean, std) };
  },

  async load(key, engine, threads, urls) {
    const worker = new Worker(new URL('./engine-worker.js', import.meta.url), { type: 'module', name: key });
    try {
      const outputs = await ask(worker, { op: 'load', engine, threads, urls, ...input });
      loaded.set(key, { worker, outputs });
    } catch (error) {
      worker.terminate();
      throw error;
    }
  },

  run: (key) => ask(get(key).worker, { op: 'run' }),

  profile: (key, runs) => ask(get(key).worker, { op: 'profile', runs }),

  compare: (key, reference) => difference(get(key).outputs, get(reference).outputs),

  unload() {
    for (const { worker } of loaded.values()) worker.terminate();
    loaded.clear();
  },
};
Object.assign(globalThis, { bench });

/** @param {string} key */
function get(key) {
  const found = loaded.get(key);
  if (!found) throw new Error(`${key} is not loaded`);
  return found;
}

/**
 * @param {Worker} worker
 * @param {unknown} request
 * @returns {Promise<any>}
 */
function ask(worker, request) {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data: { value, error } }) => (error ? reject(new Error(error)) : resolve(value));
    worker.onerror = (event) => reject(new Error(event.message || 'its script did not load'));
    worker.postMessage(request);
  });
}

/**
 * A photo as `[1, 3, height, width]`, (value - mean) / std of 0 to 255, RGB.
 *
 * @param {string} photoUrl
 * @param {import('./bench.d.ts').Size} size
 * @param {number[]} mean
 * @param {number[]} std
 */
async function tensor(photoUrl, { width, height }, mean, std) {
  const bitmap = await createImageBitmap(await (await fetch(photoUrl)).blob());
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (new OffscreenCanvas(width, height).getContext('2d'));
  context.drawImage(bitmap, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  const plane = width * height;
  return Float32Array.from({ length: 3 * plane }, (_, i) => {
    const channel = Math.floor(i / plane);
    return (data[4 * (i % plane) + channel] - mean[channel]) / std[channel];
  });
}

/**
 * @param {Output[]} outputs
 * @param {Output[]} reference
 * @returns {import('./bench.d.ts').Difference}
 */
function difference(outputs, reference) {
  let [max, scale] = [0, 0];
  if (outputs.length !== reference.length) throw new Error(`${outputs.length} outputs, not ${reference.length}`);
  for (const [i, { shape, values }] of reference.entries()) {
    if (outputs[i].shape.join() !== shape.join()) throw new Error(`output ${i} is ${outputs[i].shape}, not ${shape}`);
    for (const [at, value] of values.entries()) {
      const distance = Math.abs(value - outputs[i].values[at]);
      // What is not a number is as far as can be.
      if (!(distance <= max)) max = Number.isNaN(distance) ? Infinity : distance;
      scale = Math.max(scale, Math.abs(value));
    }
  }
  const map = reference.findIndex(({ shape }) => shape.length === 4 && shape[1] > 1);
  if (map < 0) return { max, scale, agreement: null };
  const [labels, expected] = [largestChannel(outputs[map]), largestChannel(reference[map])];
  const same = labels.reduce((sum, label, i) => sum + Number(label === expected[i]), 0);
  return { max, scale, agreement: same / labels.length };
}

/**
 * The channel with the largest value at each place.
 *
 * @param {Output} output `[1, channels, height, width]`
 */
function largestChannel({ shape: [, channels, height, width], values }) {
  const plane = height * width;
  return Uint16Array.from({ length: plane }, (_, at) => {
    let best = 0;
    for (let channel = 1; channel < channels; channel++) {
      if (values[channel * plane + at] > values[best * plane + at]) best = channel;
    }
    return best;
  });
}
