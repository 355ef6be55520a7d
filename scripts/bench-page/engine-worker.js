import { ENGINES } from './networks.js';

const scope = /** @type {DedicatedWorkerGlobalScope} */ (/** @type {unknown} */ (self));

/** @type {import('./bench.d.ts').Run} */
let network;
/** @type {Float32Array} */
let input;

/** @type {{ [op: string]: (request: any) => Promise<unknown> }} */
const operations = {
  /** Answers with the outputs of a first run, in which engines make what they keep. */
  async load({ engine, threads, urls, size, values }) {
    const parts = await Promise.all(urls.map(async (/** @type {string} */ url) => (await fetch(url)).blob()));
    network = await ENGINES[engine](threads, new Uint8Array(await new Blob(parts).arrayBuffer()), size);
    input = values;
    return network(input);
  },

  async run() {
    const began = performance.now();
    await network(input);
    return performance.now() - began;
  },

  async profile({ runs }) {
    /** @type {Map<string, import('./bench.d.ts').ProfiledNode>} */
    const nodes = new Map();
    for (let i = 0; i < runs; i++) {
      let before = performance.now();
      await network(input, (operator, node, macs) => {
        const took = performance.now() - before;
        const known = nodes.get(node) ?? { operator, node, macs, milliseconds: [] };
        nodes.set(node, known);
        known.milliseconds.push(took);
        before = performance.now();
      });
    }
    return [...nodes.values()];
  },
};

scope.onmessage = async ({ data: { op, ...request } }) => {
  try {
    scope.postMessage({ value: await operations[op](request) });
  } catch (error) {
    scope.postMessage({ error: String(error) });
  }
};
