// f32x4.relaxed_madd of three constants, in the smallest module that can hold it.
const PROBE = [
  [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // "\0asm", version 1
  [1, 5, 1, 0x60, 0, 1, 0x7b], // one type: a function that gives a v128
  [3, 2, 1, 0], // one function of it
  [10, 19, 1, 17, 0], // its code: no locals
  ...Array.from({ length: 3 }, () => [0x41, 0, 0xfd, 0x11]), // i32x4.splat of 0
  [0xfd, 0x85, 2, 0x0b], // f32x4.relaxed_madd, end
].flat();

/** Whether the browser multiplies and adds in one step: the modules that do so are a quarter faster. */
export const RELAXED_SIMD = WebAssembly.validate(new Uint8Array(PROBE));
