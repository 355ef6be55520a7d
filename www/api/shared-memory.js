/**
 * Whether memory can be shared with workers, which threads need. A page that is cross-origin isolated need not have it:
 * WebKitGTK has it only where it is switched on.
 */
export const SHARES_MEMORY = Boolean(globalThis.crossOriginIsolated) && typeof SharedArrayBuffer === 'function';
