/** What both wasm flavours export. The errors it throws carry a `code`. */
export interface Glue {
  default(options: { module_or_path: WebAssembly.Module; memory?: WebAssembly.Memory }): Promise<unknown>;
  /** Threaded flavour only; before anything else. */
  initThreadPool(threads: number): Promise<void>;
  wbg_rayon_start_worker(receiver: number): void;
  version(): string;
  labelSet(id: string): string;
  Photo: {
    decode(bytes: Uint8Array): GluePhoto;
    fromRgba(width: number, height: number, rgba: Uint8Array): GluePhoto;
  };
  Model: { load(cardJson: string, readAt: (offset: number, length: number) => Uint8Array): GlueModel };
  CheckpointImport: {
    open(
      size: number,
      readAt: (offset: number, length: number) => Uint8Array,
      templates: [cardJson: string, network: Uint8Array][],
    ): GlueCheckpointImport;
  };
  Parsing: {
    fromParts(
      labelSet: string,
      width: number,
      height: number,
      labels: Uint8Array,
      people: Uint16Array,
      segmentsJson: string,
      modelId: string,
    ): GlueParsing;
  };
}

export interface GluePhoto {
  readonly width: number;
  readonly height: number;
  /** Consumes the photo. */
  scaled(maxSide: number): GluePhoto;
  free(): void;
}

export interface GlueModel {
  info(): string;
  parse(photo: GluePhoto, setting?: string, onProgress?: (fraction: number) => void): GlueParsing;
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
  paint(width: number, height: number, optionsJson: string): Uint8Array<ArrayBuffer>;
  export(format: string, optionsJson: string): Uint8Array<ArrayBuffer>;
  exportOverlay(optionsJson: string, photo: GluePhoto): Uint8Array<ArrayBuffer>;
  free(): void;
}

/** What wasm-bindgen-rayon hands to the workers of its pool. */
export interface PoolBuilder {
  numThreads(): number;
  receiver(): number;
  build(): void;
}
