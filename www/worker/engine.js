import { BodyMapError } from '../api/error.js';
import { SHARES_MEMORY } from '../api/shared-memory.js';
import { download } from './download.js';
import { RELAXED_SIMD } from './relaxed-simd.js';

/**
 * @typedef {import('./glue.d.ts').Glue} Glue
 *
 * @typedef {object} Engine
 * @property {Glue} glue
 * @property {WebAssembly.Module} module
 * @property {number} threads
 * @property {WebAssembly.Memory} memory
 */

const MOST_THREADS = 8;

/** What the folder of a flavour ends with. */
const SIMD = RELAXED_SIMD ? '-relaxed' : '';

/**
 * Starts the threaded flavour where memory can be shared with threads, else
 * (or if the threads cannot be started) the threadless one; of either the one
 * with relaxed SIMD where the browser has it.
 *
 * @param {string} wasmUrl folder of all flavours
 * @param {number} [threads]
 * @param {WebAssembly.Module} [module] compiled for an earlier worker with as many threads
 * @returns {Promise<Engine>}
 */
export async function startEngine(wasmUrl, threads = Math.min(navigator.hardwareConcurrency, MOST_THREADS), module) {
  if (threads > 1 && SHARES_MEMORY) {
    try {
      return await start(`${wasmUrl}threaded${SIMD}/`, threads, module);
    } catch (error) {
      if (/** @type {BodyMapError} */ (error).code === 'download-failed') throw error;
      console.warn(`bodymap: going on with one thread, ${error}`);
      module = undefined;
    }
  }
  return start(`${wasmUrl}threadless${SIMD}/`, 1, threads > 1 ? undefined : module);
}

/**
 * @param {string} flavourUrl
 * @param {number} threads
 * @param {WebAssembly.Module} [compiled]
 * @returns {Promise<Engine>}
 */
async function start(flavourUrl, threads, compiled) {
  const [glue, module] = await Promise.all([
    importGlue(`${flavourUrl}bodymap.js`),
    compiled ?? compile(`${flavourUrl}bodymap_bg.wasm`),
  ]);
  try {
    const { memory } = await glue.default({ module_or_path: module });
    if (threads > 1) await glue.initThreadPool(threads);
    return { glue, module, threads, memory };
  } catch (cause) {
    throw new BodyMapError('out-of-memory', `the engine could not be started: ${cause}; close other tabs`, cause);
  }
}

/**
 * @param {string} url
 * @returns {Promise<Glue>}
 */
async function importGlue(url) {
  try {
    return await import(url);
  } catch (cause) {
    throw new BodyMapError('download-failed', `${new URL(url).pathname} could not be loaded: ${cause}`, cause);
  }
}

/** @param {string} url */
async function compile(url) {
  const response = await download(url);
  const streamed = response.headers.get('content-type')?.startsWith('application/wasm');
  try {
    if (streamed) return await WebAssembly.compileStreaming(response);
    return await WebAssembly.compile(await response.arrayBuffer());
  } catch (cause) {
    if (!(cause instanceof WebAssembly.CompileError)) {
      throw new BodyMapError('download-failed', `${new URL(url).pathname} could not be downloaded: ${cause}`, cause);
    }
    const message = 'this browser cannot run the engine: it needs WebAssembly with SIMD (2023 or later)';
    throw new BodyMapError('unsupported-browser', message, cause);
  }
}
