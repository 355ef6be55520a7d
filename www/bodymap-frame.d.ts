/**
 * bodymap in an iframe, for pages that want nothing of it in their own origin:
 * the photo goes to the page in the frame, which parses it in the browser, and
 * the result comes back.
 *
 * ```js
 * import { BodyMapFrame } from './bodymap-frame.js';
 *
 * const frame = await BodyMapFrame.open('https://bodymap.example/embed.html');
 * const { segments, files } = await frame.parse(photo, { formats: ['overlay'] });
 * ```
 *
 * The page in the frame answers the origins alone that `embed.json` beside it lists,
 * and its own.
 */

import type {
  BodyMap,
  BodyMapError,
  Class,
  ExportFormat,
  ExportOptions,
  ModelCard,
  ParseOptions,
  Parsing,
  Progress,
  Source,
} from './bodymap.js';

export { BodyMapError } from './bodymap.js';

export interface FrameOptions {
  /** Where the frame is put, to be seen: it says for whom it works. Default: hidden at the end of the body. */
  parent?: Element;
  /** Told about the stages `wasm` and `model`. */
  onProgress?: (progress: Progress) => void;
  /** Stops opening; the promise rejects with `signal.reason`. */
  signal?: AbortSignal;
  /** Milliseconds in which the page has to answer; loading the engine is not counted. Default 20000. */
  timeout?: number;
}

export interface FrameParseOptions extends ParseOptions, Omit<ExportOptions, 'signal'> {
  /** Files to make of the parsing; the other options say what is in them. Default: none. */
  formats?: ExportFormat[];
}

/** As {@link Parsing}, without its methods. */
export interface FrameParsing
  extends Pick<Parsing, 'width' | 'height' | 'labelSet' | 'labels' | 'people' | 'segments' | 'timings'> {
  /** One for each of {@link FrameParseOptions.formats}, in their order. */
  readonly files: File[];
}

export declare class BodyMapFrame {
  private constructor();
  /**
   * Puts the frame into the page, and has it load engine and model.
   *
   * Errors: `no-answer`, `origin-refused`, `bad-request`, and those of {@link BodyMap.load}.
   *
   * @param url of `embed.html`, relative to the page
   */
  static open(url: string | URL, options?: FrameOptions): Promise<BodyMapFrame>;
  readonly element: HTMLIFrameElement;
  readonly model: ModelCard;
  /** As {@link BodyMap.settings}. */
  readonly settings: string[];
  readonly classes: Class[];
  /** Threads in use: 1 unless this page is cross-origin isolated and has shared memory. */
  readonly threads: number;
  readonly version: string;
  /** Errors: `bad-request`, `disposed`, and those of {@link BodyMap.parse} and {@link Parsing.export}. */
  parse(source: Source, options?: FrameParseOptions): Promise<FrameParsing>;
  /** Removes the frame with all that is in it; what is running rejects with `disposed`. */
  close(): void;
}
