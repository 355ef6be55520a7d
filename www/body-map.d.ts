/**
 * `<body-map src="photo.jpg" alt="..."></body-map>`: a photo under the colours of its classes.
 *
 * ```html
 * <script type="module" src="body-map.js"></script>
 * <body-map src="photo.jpg" alt="A woman in a red coat" classes="Hair, Coat" opacity="0.7"></body-map>
 * ```
 *
 * Importing the module defines the element; on a server it does nothing. All
 * elements of a page that load the same engine share one worker, which ends ten
 * seconds after the last of them is gone.
 *
 * Attributes:
 * - `src`: URL of the photo, relative to the page. Of another origin it needs CORS headers.
 * - `alt`: what the photo shows, for those who do not see it.
 * - `setting`, `max-side`: as {@link ParseOptions}.
 * - `palette` (`cihp` or `voc`), `opacity` (0 to 1, default 0.6), `person` (its id): as {@link PaintOptions}.
 * - `classes`: ids or names of the classes to show, with commas between. Default: all.
 * - `model`, `model-url`, `wasm-url`, `worker-url`, `threads`: as {@link LoadOptions}.
 *
 * A change of what is painted paints again; any other change parses again, and
 * what was running is stopped. What is no number where one belongs is taken as
 * missing.
 *
 * The photo at `src` is shown as the browser does until it has been read, and from then on as it is parsed. A
 * `file` is shown from then on only: what a visitor brings may take any amount of memory.
 *
 * Parts, for `body-map::part(...)`: `photo`, `colormap`, `busy`, `progress`, `failure`.
 * Slots, for words in other languages: `busy` while it works, `failure` instead
 * of the error's own sentence. What else is inside the element is seen only where
 * the element is not defined.
 *
 * States, for `body-map:state(...)`: `empty`, `loading`, `done`, `error`.
 *
 * No style or script is inline; a CSP needs `script-src 'wasm-unsafe-eval'`,
 * `worker-src`, `connect-src` with `blob:`, and `img-src blob:`.
 */

import type { BodyMap, BodyMapError, Parsing, Progress } from './bodymap.js';

export interface BodyMapElementEventMap extends Omit<HTMLElementEventMap, 'load' | 'error' | 'progress'> {
  /** The result is shown; `detail` is the parsing. Does not bubble, nor do the others. */
  load: CustomEvent<Parsing>;
  /** Loading, parsing or painting failed. */
  error: CustomEvent<BodyMapError>;
  progress: CustomEvent<Progress>;
}

export declare class BodyMapElement extends HTMLElement {
  static readonly observedAttributes: string[];
  /** As the attribute; the empty string if there is none. */
  src: string;
  /** As the attribute; the empty string if there is none. */
  alt: string;
  /** A photo that is no URL, such as one from a file chooser; it has precedence over `src`. */
  file: Blob | null;
  /** What is shown, once the event `load` has come; null again when something else is to be shown. */
  readonly parsing: Parsing | null;
  /** The engine that made it, shared with other elements: do not dispose of it. */
  readonly bodymap: BodyMap | null;
  readonly state: 'empty' | 'loading' | 'done' | 'error';
  addEventListener<K extends keyof BodyMapElementEventMap>(
    type: K,
    listener: (this: BodyMapElement, event: BodyMapElementEventMap[K]) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | AddEventListenerOptions,
  ): void;
}

declare global {
  interface HTMLElementTagNameMap {
    'body-map': BodyMapElement;
  }
}
