/** An output of a network. */
export interface Output {
  shape: readonly number[];
  values: Float32Array;
}

export interface Size {
  width: number;
  height: number;
}

/** Called after each node with its operator, its name and its multiply-adds. */
export type OnNode = (operator: string, node: string, macs: number) => void;

/** A network that is ready: input tensor `[1, 3, height, width]` in, outputs out. */
export type Run = (values: Float32Array, onNode?: OnNode) => Output[] | Promise<Output[]>;

/** Starts an engine with some threads and has it read an ONNX file. */
export type Open = (threads: number, onnx: Uint8Array, size: Size) => Promise<Run>;

/** What the wasm modules of the Rust engines call a network; see src/wasm_api.rs. */
export interface GlueNetwork {
  run(height: number, width: number, values: Float32Array, onNode?: OnNode): GlueTensor[];
}

export interface GlueTensor {
  shape(): Uint32Array;
  values(): Float32Array;
  free(): void;
}

/** Times of a node of our network, one a run. */
export interface ProfiledNode {
  operator: string;
  node: string;
  macs: number;
  milliseconds: number[];
}

/** How far outputs are from those of the reference. */
export interface Difference {
  /** Largest absolute difference, over all outputs. */
  max: number;
  /** Largest absolute value of the reference, over all outputs. */
  scale: number;
  /** Share of places whose largest channel is the same, 0 to 1; null without an output `[1, channels, height, width]`. */
  agreement: number | null;
}

/** What page.js offers to run.mjs. */
export interface Bench {
  prepare(photoUrl: string, size: Size, mean: number[], std: number[]): Promise<void>;
  load(key: string, engine: string, threads: number, urls: string[]): Promise<void>;
  /** Milliseconds. */
  run(key: string): Promise<number>;
  profile(key: string, runs: number): Promise<ProfiledNode[]>;
  compare(key: string, reference: string): Difference;
  unload(): void;
}
