/** What both wasm flavours export. The errors it throws carry a `code`. */
export interface Glue {
  default(options: { module_or_path: WebAssembly.Module; memory?: WebAssembly.Memory }): Promise<{ memory: WebAssembly.Memory }>;
  /** Threaded flavour only; before anything else. */
  initThreadPool(threads: number): Promise<void>;
  wbg_rayon_start_worker(receiver: number): void;
  /** Threaded flavour only: ends the threads; `wbg_rayon_start_worker` then throws `stopped`. */
  stopThreads(): void;
  /** For the thread that calls it: `asked` tells whether the work under way is to stop; it then fails with `stopped`. */
  stopWhen(asked: () => boolean): void;
  version(): string;
  labelSet(id: string): string;
  /** JSON of `ExportFormatInfo[]`. */
  exportFormats(): string;
  /** Throws `bad-card` or `newer-card`. */
  checkCard(json: string): void;
  /** Throws `photo-too-large`, or `unsupported-format` if the header of the picture does not tell its size. */
  checkClaimedSize(bytes: Uint8Array): void;
  Photo: {
    decode(bytes: Uint8Array): GluePhoto;
    fromRgba(width: number, height: number, rgba: Uint8Array): GluePhoto;
  };
  DataSet: new (format: string, labelSet: string) => GlueDataSet;
  Model: { load(cardJson: string, readAt: (offset: number, length: number) => Uint8Array): GlueModel };
  CheckpointImport: {
    open(
      size: number,
      readAt: (offset: number, length: number) => Uint8Array,
      templates: [cardJson: string, network: Uint8Array][],
    ): GlueCheckpointImport;
  };
}

export interface GluePhoto {
  readonly width: number;
  readonly height: number;
  /** The pixels at that size. */
  rgba(width: number, height: number): Uint8Array<ArrayBuffer>;
  /** Consumes the photo. */
  scaled(maxSide: number): GluePhoto;
  free(): void;
}

export interface GlueModel {
  info(): string;
  /** What `onProgress` throws ends the work, and with it the use of this instance. */
  parse(photo: GluePhoto, setting?: string, onProgress?: (fraction: number) => void): GlueParsing;
  restore(
    labelSet: string,
    width: number,
    height: number,
    labels: Uint8Array,
    people: Uint16Array,
    segmentsJson: string,
    instancesJson: string,
  ): GlueParsing;
  free(): void;
}

export interface GlueCheckpointImport {
  /** JSON `{ card, ignored, bytes: { f32, f16, i8 } }`. */
  info(): string;
  /** Returns the card as JSON. */
  write(
    precision: string,
    write: (part: Uint8Array<ArrayBuffer>) => void,
    onProgress?: (fraction: number) => void,
  ): string;
  free(): void;
}

export interface GlueParsing {
  readonly width: number;
  readonly height: number;
  readonly labelSet: string;
  labels(): Uint8Array<ArrayBuffer>;
  people(): Uint16Array<ArrayBuffer>;
  segments(): string;
  instances(): string;
  paint(width: number, height: number, optionsJson: string): Uint8Array<ArrayBuffer>;
  /** Needed by the format `overlay`. */
  set photo(photo: GluePhoto);
  export(format: string, name: string, optionsJson: string, photos?: string): GlueFile;
  files(format: string, name: string, optionsJson: string, photos?: string): GlueFile[];
  free(): void;
}

export interface GlueDataSet {
  readonly name: string;
  add(stem: string, files: GlueFile[]): Uint8Array<ArrayBuffer>;
  /** Consumes the data set. */
  finish(): Uint8Array<ArrayBuffer>;
  free(): void;
}

export type GlueFile = [path: string, bytes: Uint8Array<ArrayBuffer>];

/** What wasm-bindgen-rayon hands to the workers of its pool. */
export interface PoolBuilder {
  numThreads(): number;
  receiver(): number;
  build(): void;
}
