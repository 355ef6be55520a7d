// Globals that embedding.test.mjs, exports.test.mjs and frame.test.mjs put into their pages.
declare const BodyMap: typeof import('../../www/bodymap.js').BodyMap;
/** A sample photo. */
declare function sample(name: string): Promise<Blob>;
/** The bytes of a file, one character each. */
declare function latin1(blob: Blob): Promise<string>;
/** SHA-256 of a file. */
declare function hash(blob: Blob): Promise<string>;
/** Code or name of the error. */
declare function failure(promise: Promise<unknown>): Promise<string>;
declare const BodyMapFrame: typeof import('../../www/bodymap-frame.js').BodyMapFrame;
/** Asks the page in a window for a connection. */
declare function ask(target: Window, hello: unknown): Promise<string>;
