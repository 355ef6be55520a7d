import { scriptUrl } from './api/script-url.js';

/** @type {Worker[]} Kept for good: Firefox collects workers that block (bug 1702191). */
const workers = [];

/**
 * Starts the threads of the engine as workers of this origin; the threaded
 * flavour calls it in place of wasm-bindgen-rayon's own helper, whose blob
 * workers a strict CSP forbids. They see the worker's `stopSign`, and a thread that
 * crashes tells the page by the channel `alarm`.
 *
 * @param {WebAssembly.Module} module
 * @param {WebAssembly.Memory} memory shared
 * @param {import('./worker/glue.d.ts').PoolBuilder} builder
 */
export async function startWorkers(module, memory, builder) {
  const glueUrl = new URL('./pkg/threaded/bodymap.js', import.meta.url).href;
  const { stopSign, alarm } = /** @type {{ stopSign?: import('./worker/stop.js').StopSign, alarm?: string }} */ (globalThis);
  const work = { module, memory, receiver: builder.receiver(), glueUrl, stopSign, alarm };
  for (let i = 0; i < builder.numThreads(); i++) {
    // Beside the worker's own script: this module may be of another origin, which no worker can be started from.
    const url = scriptUrl(new URL('./pool-worker.js', globalThis.location.href));
    workers.push(new Worker(url, { type: 'module', name: `bodymap thread ${i + 1}` }));
  }
  try {
    await Promise.all(workers.map((worker) => ready(worker, work)));
  } catch (error) {
    for (const worker of workers.splice(0)) worker.terminate();
    throw error;
  }
  builder.build();
}

/**
 * @param {Worker} worker
 * @param {unknown} work
 */
function ready(worker, work) {
  return new Promise((resolve, reject) => {
    const fail = (/** @type {ErrorEvent} */ event) => {
      event.preventDefault();
      reject(new Error(`a thread could not be started: ${event.message || 'its script did not load'}`));
    };
    worker.addEventListener('message', ({ data: { error } }) => {
      // What goes wrong later goes on to whoever watches this worker.
      worker.removeEventListener('error', fail);
      if (error) reject(new Error(error));
      else resolve(null);
    });
    worker.addEventListener('error', fail);
    worker.postMessage(work);
  });
}
