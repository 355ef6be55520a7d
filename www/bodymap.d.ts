/**
 * bodymap: people in a photograph to body parts and clothes, in the tab.
 *
 * ```js
 * import { BodyMap } from './bodymap.js';
 *
 * const bodymap = await BodyMap.load();
 * const parsing = await bodymap.parse(file);
 * await parsing.paint(document.querySelector('canvas'));
 * ```
 *
 * Importing has no side effects, on a server neither. The work is done in one
 * dedicated worker; calls are queued and answered in order. Several BodyMaps
 * have a worker each and know nothing of one another. Every method that returns
 * a promise rejects with a {@link BodyMapError}, or with `signal.reason` when
 * aborted.
 *
 * URLs that are given are relative to the page, as those in its markup.
 */

/** What a step of the work is, and how much of it is done. */
export interface Progress {
  /**
   * `wasm`: the engine is fetched and compiled (0, then 1); `model`: bytes of
   * the model, from the sizes on its card; `decode`: the photo is read;
   * `inference`: the network runs; `finish`: the result is copied; `import`: bytes
   * of the model that is made of a checkpoint.
   */
  stage: 'wasm' | 'model' | 'decode' | 'inference' | 'finish' | 'import';
  /** Part of the stage that is done, 0 to 1, never falling. */
  fraction: number;
}

export interface LoadOptions {
  /**
   * Folder of the model below `models/`, which is beside the worker, by default `default`; or the
   * id of one of {@link BodyMap.storedModels}; or files: a card and the files that it names, in order.
   */
  model?: string | { stored: string } | { card: Blob; files: Blob[] };
  /** Told about the stages `wasm` and `model`. */
  onProgress?: (progress: Progress) => void;
  /** Stops loading; the promise rejects with `signal.reason`. */
  signal?: AbortSignal;
  /**
   * Folder `pkg/` of a copy of the package or site, with the flavours of the engine: it uses what stands beside it
   * there. Default: beside the worker.
   */
  wasmUrl?: string | URL;
  /**
   * The worker script, of the page's own origin. Default: `worker.js` beside this module. To be
   * given where a bundler moves this module, or where it is of another origin: there it is a
   * script that imports `worker.js` from that origin.
   */
  workerUrl?: string | URL;
  /**
   * Address of the model's card (`.json`), or of the folder that holds `card.json`; the files
   * are beside it. Overrides `model`. Files are downloaded one after the other and kept as they
   * come, so that a download that broke off goes on; `bodymap model split` makes parts of a
   * large one.
   */
  modelUrl?: string | URL;
  /** Folder of the networks that checkpoints are read into. Default `models/m2fp/` beside the worker. */
  templatesUrl?: string | URL;
  /**
   * Threads of the engine, 1 or more. Default: the processors the browser
   * reports, at most 8. Without cross-origin isolation (COOP and COEP headers),
   * or where the browser has no `SharedArrayBuffer`, it is always 1. The label map is the same for every number.
   */
  threads?: number;
}

/** A photo: a file is read by bodymap's own decoders, so that the result is that of the command line. */
export type Source =
  | Blob
  | HTMLImageElement
  | HTMLVideoElement
  | HTMLCanvasElement
  | OffscreenCanvas
  | ImageBitmap
  | VideoFrame
  | ImageData;

export interface ParseOptions {
  /** One of {@link BodyMap.settings}, such as `fast` or `fine`. Default: the first of them. */
  setting?: string;
  /** Stops the work at once by ending the worker; the next call starts a new one. */
  signal?: AbortSignal;
  /** The photo is shrunk first so that its longest side is at most this many pixels. */
  maxSide?: number;
  /** Told about every stage, in order. */
  onProgress?: (progress: Progress) => void;
  /**
   * Given the photo as soon as it is read, before the network runs: as {@link Parsing.photo}. Who takes
   * it closes it.
   */
  onPhoto?: (photo: ImageBitmap) => void;
}

/** A class of the label set. */
export interface Class {
  /** Value in {@link Parsing.labels}; 0 is the background. */
  id: number;
  /** English name. Left and right are the person's own. */
  name: string;
  /** Red, green, blue of the default palette, 0 to 255. */
  color: [number, number, number];
}

/** A choice between speed and quality: the passes of the network over the photo whose results are averaged. */
export interface Setting {
  id: string;
  /** How logits are brought to the photo's size: `bilinear`, or `guided` by the photo's edges. */
  upsample: string;
  /**
   * What the label map is cleaned of. `specks`: small patches that the model is not sure of become what surrounds them.
   * `dresses`: no dress ends as a skirt. `shoes`: nobody wears two left shoes.
   */
  clean?: string[];
  passes: { size: { rule: string; [field: string]: unknown }; mirror: boolean }[];
  /** Where everybody is small in the first pass: the passes are run on the part with the people, the tallest then `height` pixels tall. */
  closer?: { height: number; pixels: number; multiple: number };
  /** Where there is no closer look: the part with the people is seen mirrored as well, if the inputs of both passes then have at most so many `pixels`. */
  mirrored?: { pixels: number; multiple: number };
}

/** The model card: what the model is and how it wants its input. */
export interface ModelCard {
  id: string;
  title: string;
  version: string;
  /** Licence of the weights, not of the code. */
  licence: { name: string; url: string; attribution: string };
  label_set: string;
  files: { path: string; bytes: number; sha256: string }[];
  /** Choices between speed and quality, the default one first. */
  settings: Setting[];
  [field: string]: unknown;
}

/** A model that is kept on this device, in the Origin Private File System. */
export interface StoredModel {
  /** For {@link LoadOptions.model} and {@link BodyMap.removeModel}. */
  id: string;
  card: ModelCard;
  /** Size of its files. */
  bytes: number;
}

/** What a checkpoint would become. */
export interface CheckpointInfo {
  /** Card of the models that are made of it, without files. Its licence is that of the weights. */
  card: ModelCard;
  /** What of the checkpoint is not used. */
  ignored: string[];
  /** Size of the model in each precision. */
  bytes: { f32: number; f16: number; i8: number };
}

export interface ImportOptions {
  /** Name of the licence that was accepted: `card.licence.name` of {@link BodyMap.inspectCheckpoint}. */
  licence: string;
  /** Weights as 32-bit floats, as 16-bit ones, or as 8-bit whole numbers, which is less exact. Default `f16`. */
  precision?: 'f32' | 'f16' | 'i8';
  /** Stops the import; nothing of it is kept. */
  signal?: AbortSignal;
  /** Told about the stage `import`. */
  onProgress?: (progress: Progress) => void;
}

/** One class of one person. */
export interface Segment {
  /** Class id. */
  class: number;
  /** Class name. */
  label: string;
  /** Person id from 1; 0 belongs to nobody. */
  person: number;
  /** Mean confidence, 0 to 1. */
  score: number;
  /** Pixels. */
  area: number;
  /** Left, top, width, height in pixels. */
  bbox: [number, number, number, number];
}

/** Milliseconds in the worker; waiting in the queue and loading are not counted. */
export interface Timings {
  decode: number;
  /** From pixels to label map. */
  inference: number;
  total: number;
}

/** Red, green, blue, each 0 to 255; or hue (0 to 360), saturation and value (0 to 1). */
export type Colour = [red: number, green: number, blue: number] | { hsv: [hue: number, saturation: number, value: number] };

/** The LIP and CIHP convention, the Pascal VOC colour map, or one colour per class id. */
export type Palette = 'cihp' | 'voc' | Colour[];

/** What a picture shows. */
interface ShowOptions {
  /** Default: that of the label set. */
  palette?: Palette;
  /** Class ids to show. Default: all. */
  classes?: number[];
  /** Only this person. Default: everybody. */
  person?: number;
  /** Of the colours, 0 to 1. Default: 0.6 in an overlay, else 1. */
  opacity?: number;
  signal?: AbortSignal;
}

export interface ExportOptions extends ShowOptions {
  /**
   * Name of the photo's file in the export, with `/` between folders if there are any.
   * Default: that of the `File` that was parsed, else `photo.jpg`.
   */
  name?: string;
  /**
   * What stands before the name where a format says where the photo is: a folder
   * seen from that of the export, or a URL. For `labelme` and `labelstudio`.
   */
  photos?: string;
}

export interface PaintOptions extends ShowOptions {
  /** Size of the canvas in pixels, at most the photo's. Default: the photo's, at most 16.7 megapixels (the limit of iOS). */
  width?: number;
  height?: number;
}

/**
 * `labelmap`: indexed PNG, pixel = class id; `colormap`: PNG; `overlay`: PNG of
 * the photo under the colours; `people`: indexed PNG, pixel = person id (16-bit
 * grey if an id is above 255); `json`: the masks as the service answers them;
 * `modelscope`: the same in the shape of ModelScope's pipeline; `masks`: zip of PNGs,
 * one a class, a person, and a class of a person; `cihp`, `lip`: zip of the maps of
 * these data sets; `coco`: JSON with compressed RLE; `cvat`: zip, "Segmentation mask 1.1";
 * `labelstudio`: JSON of a task with brush masks; `labelme`: JSON with masks.
 * `docs/formats.md` has the details.
 */
export type ExportFormat =
  | 'labelmap'
  | 'colormap'
  | 'overlay'
  | 'people'
  | 'json'
  | 'modelscope'
  | 'masks'
  | 'cihp'
  | 'lip'
  | 'coco'
  | 'cvat'
  | 'labelstudio'
  | 'labelme';

/** What the engine says of an export format. */
export interface ExportFormatInfo {
  name: ExportFormat;
  /** Another name that is understood. */
  alias: string | null;
  /** Media type of one photo as one file. */
  mediaType: string;
  /** Name and media type of the file of a {@link DataSet}. */
  dataSetName: string;
  dataSetMediaType: string;
  /** Which of the {@link PaintOptions} matter: none, the palette, or all. */
  colours: 'fixed' | 'palette' | 'painted';
}

/** A mask, label and score as ModelScope's pipeline for M2FP returns them. Masks of instances may overlap. */
export interface Instance {
  /** Class id; that of "Human" comes after the last one of the label set. */
  class: number;
  label: string;
  /** Person id, 0 if it belongs to nobody in particular. */
  person: number;
  /** 0 to 1. */
  score: number;
  /** The mask, row by row: how many pixels are outside, then inside, then outside, ... */
  runs: number[];
}

/**
 * What was found in one photo, in the photo's own size and upright.
 *
 * `paint` and `export` read labels, people, segments and instances as they are at that moment.
 */
export interface Parsing {
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
  /** Id of the label set, such as `cihp`. */
  readonly labelSet: string;
  /** Class id of each pixel, row by row; `width * height` values. */
  readonly labels: Uint8Array<ArrayBuffer>;
  /**
   * Person id of each pixel, as `labels`; 0 is the background and what belongs
   * to nobody. People are counted from 1, from left to right.
   */
  readonly people: Uint16Array<ArrayBuffer>;
  readonly segments: Segment[];
  /** What a model with queries claimed before overlaps were resolved; empty with other models. */
  readonly instances: Instance[];
  readonly timings: Timings;
  /**
   * Replaces the canvas' picture and size by the colours of the classes;
   * the background and classes that are not shown are transparent.
   *
   * Errors: `bad-option`.
   */
  paint(canvas: HTMLCanvasElement | OffscreenCanvas, options?: PaintOptions): Promise<void>;
  /**
   * The photo as it was parsed, for what is to stand under the colours: upright, opaque, at most 2048 pixels
   * a side. An `<img>` of the same file may be turned or coloured otherwise, as browsers and the engine differ
   * in what they make of some files.
   *
   * Errors: `bad-option` if the parsing was unpacked without its photo, or with another one; `out-of-memory`.
   */
  photo(options?: { signal?: AbortSignal }): Promise<ImageBitmap>;
  /**
   * A file with a fitting name. Nothing of the photo but its pixels goes into it, and these
   * only into `overlay`.
   *
   * Errors: `bad-option`, `out-of-memory`.
   */
  export(format: ExportFormat, options?: ExportOptions): Promise<File>;
  /**
   * The parsing as a small blob (some ten kilobytes a photo), to be kept and made whole again
   * by {@link BodyMap.unpack}: labels and people of many photos would fill the memory.
   */
  pack(): Promise<Blob>;
}

/** An export of many photos in one file: a zip, or one JSON document for `coco` and `labelstudio`. */
export interface DataSet {
  /** Photos added. */
  readonly size: number;
  /**
   * Adds a photo under `options.name`, which no other may have, whatever its ending.
   *
   * Errors: `name-clash`, `bad-option`, `out-of-memory`; the data set is then as before.
   */
  add(parsing: Parsing, options?: ExportOptions): Promise<void>;
  /**
   * The file. The data set stays as it is: more can be added, and it can be finished again.
   *
   * Errors: `bad-option` if the photos are of more than one model and the format cannot hold them.
   */
  finish(options?: { signal?: AbortSignal }): Promise<File>;
}

export declare class BodyMap {
  private constructor();
  /**
   * Starts the worker and fetches engine and model; the model is kept in the
   * Cache API under its hash and checked each time it is read. Rejects on a server:
   * there are no workers.
   *
   * Errors: `download-failed`, `wrong-hash`, `bad-card`, `bad-model`, `no-such-model`, `io`,
   * `unsupported-browser`, `out-of-memory`, `worker-crashed`, `bad-option`.
   */
  static load(options?: LoadOptions): Promise<BodyMap>;
  /**
   * The models that were imported on this device.
   *
   * Errors: `storage-unavailable`, as in private windows of some browsers.
   */
  static storedModels(): Promise<StoredModel[]>;
  /** Removes a stored model; whoever has loaded it should load another. Errors: `io`, `storage-unavailable`. */
  static removeModel(id: string): Promise<void>;
  readonly model: ModelCard;
  /** Ids of the model's settings for {@link ParseOptions.setting}, the default one first. */
  readonly settings: string[];
  /** Classes of the model's label set, in the order of their ids. */
  readonly classes: Class[];
  /** What can be exported, in the order of the table. */
  readonly exportFormats: ExportFormatInfo[];
  /** Threads in use. */
  readonly threads: number;
  /** Version of the engine. */
  readonly version: string;
  /** Bytes of memory that the engine had taken when it last answered. It gives none back until its worker ends. */
  readonly memory: number;
  /**
   * Parses a photo, which is taken as it is now, even if its turn comes later. A call that
   * waits can be aborted without harm to the running one.
   *
   * Errors: `empty-file`, `file-too-large`, `unsupported-format`,
   * `photo-too-large`, `truncated`, `corrupt-photo`, `unreadable-file`, `bad-source`,
   * `bad-option`, `inference-failed`, `out-of-memory`, `worker-crashed`; after
   * each of them the next call works.
   */
  parse(source: Source, options?: ParseOptions): Promise<Parsing>;
  /** A data set without photos. */
  dataSet(format: ExportFormat): DataSet;
  /**
   * A parsing from what {@link Parsing.pack} made of it. Only the export `overlay` needs the
   * `source` that was parsed, and the `maxSide` it was parsed with; a `File` also gives its name.
   *
   * Errors: `bad-option`.
   */
  unpack(packed: Blob, options?: { source?: Source; maxSide?: number }): Promise<Parsing>;
  /**
   * Looks into a PyTorch checkpoint of M2FP (`pytorch_model.pt` of ModelScope) and runs nothing of it.
   *
   * Errors: `empty-file`, `unsupported-checkpoint`, `truncated-checkpoint`, `corrupt-checkpoint`,
   * `checkpoint-too-complex`, `missing-weights`, `wrong-shape`, `io`, `download-failed`.
   */
  inspectCheckpoint(checkpoint: Blob, options?: { signal?: AbortSignal }): Promise<CheckpointInfo>;
  /**
   * Makes a model of a checkpoint and keeps it on this device. The weights go from file to file;
   * one tensor of them is in memory at a time. The model is, byte for byte, that of
   * `bodymap model import`. If it is kept already it is not kept twice.
   *
   * Errors: those of {@link inspectCheckpoint}, `licence-not-accepted`, `bad-option`, `storage-full`,
   * `storage-unavailable`, `out-of-memory`.
   */
  importCheckpoint(checkpoint: Blob, options: ImportOptions): Promise<StoredModel>;
  /**
   * Ends the worker and frees its memory. What is running or waiting rejects with `disposed`,
   * and so do later calls, also those of its parsings and data sets.
   */
  dispose(): void;
}

/** What went wrong. Codes keep their meaning; more may be added. */
export type ErrorCode =
  // The photo.
  | 'empty-file'
  | 'file-too-large'
  | 'unsupported-format'
  | 'photo-too-large'
  | 'truncated'
  | 'corrupt-photo'
  /** The browser can no longer read the file: it was moved or changed. */
  | 'unreadable-file'
  /** Not a picture, a picture without pixels yet, or one whose pixels may not be read. */
  | 'bad-source'
  // Engine and model.
  | 'download-failed'
  | 'bad-card'
  | 'newer-card'
  | 'wrong-hash'
  | 'bad-model'
  /** No WebAssembly with SIMD, or no workers. */
  | 'unsupported-browser'
  // The work.
  /** An option has an unknown name or a value out of range. */
  | 'bad-option'
  | 'inference-failed'
  /** A smaller photo (`maxSide`) or fewer open tabs may help. */
  | 'out-of-memory'
  /** The engine stopped; the next call starts another. */
  | 'worker-crashed'
  /** Another photo of the data set has that name. */
  | 'name-clash'
  | 'disposed'
  // Models of one's own, and checkpoints that are made into them.
  /** None of that id is kept on this device. */
  | 'no-such-model'
  /** Not a card and all files that it names. */
  | 'model-files-missing'
  /** A file could not be read or written. */
  | 'io'
  | 'storage-full'
  /** The browser keeps no files for this page. */
  | 'storage-unavailable'
  | 'licence-not-accepted'
  | 'unsupported-checkpoint'
  | 'truncated-checkpoint'
  | 'corrupt-checkpoint'
  | 'checkpoint-too-complex'
  | 'missing-weights'
  | 'wrong-shape'
  // The bridge to a page of another origin, `bodymap-frame.js`.
  /** The page in the frame does not work for pages of this origin: `embed.json` there does not list it. */
  | 'origin-refused'
  /** The page in the frame did not answer. */
  | 'no-answer'
  /** The page in the frame does not understand the request: it is of another version. */
  | 'bad-request';

export declare class BodyMapError extends Error {
  constructor(code: ErrorCode, message: string, cause?: unknown);
  readonly name: 'BodyMapError';
  readonly code: ErrorCode;
}
