/** As the engine's own, in `src/limits.rs`: no larger file is read into memory, and no larger picture drawn. */
export const MAX_PHOTO_BYTES = 64 * 2 ** 20;
export const MAX_PHOTO_PIXELS = 8192 * 6144;
export const MAX_PHOTO_SIDE = 16_384;

/** Canvas area that every browser can show; iOS has the smallest limit. */
export const MAX_CANVAS_PIXELS = 16_777_216;

/** Longest side of a photo that is made to be shown: enough for a large screen. */
export const MAX_SHOWN_SIDE = 2048;
