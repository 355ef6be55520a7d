/**
 * The engines behind one interface.
 *
 * @type {{ [engine: string]: import('./bench.d.ts').Open }}
 */
export const ENGINES = {
  // The module that the page would take.
  async bodymap(threads, onnx, size) {
    const { startEngine } = await import(/** @type {any} */ ('/bodymap/worker/engine.js'));
    const { glue, threads: started } = await startEngine(new URL('/bodymap/pkg/', location.href).href, threads);
    if (started !== threads) throw new Error(`${started} thread(s) could be started`);
    const readAt = (/** @type {number} */ at, /** @type {number} */ length) => onnx.subarray(at, at + length);
    return ofNetwork(glue.Network.read(onnx.length, readAt), size);
  },

  tract: (threads, onnx, size) => openPeer('tract', threads, onnx, size),

  rten: (threads, onnx, size) => openPeer('rten', threads, onnx, size),

  async 'onnxruntime-web'(threads, onnx, { width, height }) {
    const ort = await import(/** @type {any} */ ('/onnxruntime-web/ort.wasm.min.mjs'));
    Object.assign(ort.env.wasm, { numThreads: threads, wasmPaths: new URL('/onnxruntime-web/', location.href).href });
    ort.env.logLevel = 'error';
    const options = { executionProviders: ['wasm'], graphOptimizationLevel: 'all' };
    let session = await ort.InferenceSession.create(onnx, options);
    // It optimises further for sizes it knows, as the others do at their first run.
    /** @type {{ shape: (number | string)[] }[]} */
    const [{ shape }] = session.inputMetadata;
    const sides = [1, 3, height, width];
    const named = shape.flatMap((side, i) => (typeof side === 'string' ? [[side, sides[i]]] : []));
    if (named.length > 0) {
      await session.release();
      session = await ort.InferenceSession.create(onnx, {
        ...options,
        freeDimensionOverrides: Object.fromEntries(named),
      });
    }
    return async (values) => {
      const outputs = await session.run({ [session.inputNames[0]]: new ort.Tensor('float32', values, sides) });
      return session.outputNames.map((/** @type {string} */ name) => ({
        shape: outputs[name].dims,
        values: outputs[name].data,
      }));
    };
  },
};

/**
 * @param {string} name
 * @param {number} threads
 * @param {Uint8Array} onnx
 * @param {import('./bench.d.ts').Size} size
 */
async function openPeer(name, threads, onnx, size) {
  const flavour = threads > 1 ? 'threaded' : 'threadless';
  const glueUrl = new URL(`/peers/${name}/${flavour}/bench_${name}.js`, location.href).href;
  const glue = await import(glueUrl);
  await glue.default({ module_or_path: glueUrl.replace(/\.js$/, '_bg.wasm') });
  if (threads > 1) await glue.initThreadPool(threads);
  return ofNetwork(glue.Network.read(onnx), size);
}

/**
 * @param {import('./bench.d.ts').GlueNetwork} network
 * @param {import('./bench.d.ts').Size} size
 * @returns {import('./bench.d.ts').Run}
 */
function ofNetwork(network, { width, height }) {
  return (values, onNode) =>
    network.run(height, width, values, onNode).map((tensor) => {
      const output = { shape: [...tensor.shape()], values: tensor.values() };
      tensor.free();
      return output;
    });
}
