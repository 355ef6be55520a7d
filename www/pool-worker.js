import { stopAsked } from './worker/stop.js';

const scope = /** @type {DedicatedWorkerGlobalScope} */ (/** @type {unknown} */ (self));

scope.addEventListener(
  'message',
  async ({ data: { module, memory, receiver, glueUrl, stopSign, alarm } }) => {
    /** @type {import('./worker/glue.d.ts').Glue} */
    let glue;
    try {
      glue = await import(glueUrl);
      await glue.default({ module_or_path: module, memory });
      if (stopSign) glue.stopWhen(stopAsked(stopSign));
    } catch (error) {
      scope.postMessage({ error: `a thread could not be started: ${error}` });
      return;
    }
    scope.postMessage({});
    try {
      // Takes work for the rest of the worker's life.
      glue.wbg_rayon_start_worker(receiver);
    } catch (error) {
      if (/** @type {Error} */ (error).message === 'stopped') return scope.close();
      // The worker that started this thread waits for its part of the work, and hears nothing: the page is told.
      if (alarm) new BroadcastChannel(alarm).postMessage(`${error}`);
      throw error;
    }
  },
  { once: true },
);
