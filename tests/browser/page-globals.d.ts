// Globals that embedding.test.mjs puts into its page.
declare const BodyMap: typeof import('../../www/bodymap.js').BodyMap;
/** A sample photo. */
declare function sample(name: string): Promise<Blob>;
/** The bytes of a file, one character each. */
declare function latin1(blob: Blob): Promise<string>;
/** Code or name of the error. */
declare function failure(promise: Promise<unknown>): Promise<string>;
