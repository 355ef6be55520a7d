/**
 * @typedef {import('./engine.js').Engine} Engine
 * @typedef {import('./photo-files.js').PhotoFile} PhotoFile
 * @typedef {import('../bodymap.js').BodyMap} BodyMap
 * @typedef {import('../bodymap.js').ExportFormat} ExportFormat
 * @typedef {import('../bodymap.js').ExportOptions} ExportOptions
 *
 * @typedef {object} Entry
 * @property {File} file
 * @property {string} name which no other has, whatever its ending
 * @property {'waiting' | 'working' | 'done' | 'failed'} state
 * @property {Blob | null} packed the parsing
 * @property {number} people found
 * @property {number} classes found
 * @property {unknown} error
 */

/** Many photos, parsed one after the other; a bad one does not stop the others. */
export class Batch {
  #engine;
  #setting;
  #onChange;
  /** @type {AbortController | null} Of the photo that is being parsed. */
  #current = null;
  #isRunning = false;
  #isStopped = false;
  /** No further photo is begun. */
  isPaused = false;
  /** @type {Entry[]} */
  entries;

  /**
   * @param {PhotoFile[]} photos
   * @param {Engine} engine
   * @param {() => string | undefined} setting in use when a photo is begun
   * @param {(entry: Entry | null) => void} onChange told when an entry, or the whole, has changed
   */
  constructor(photos, engine, setting, onChange) {
    this.#engine = engine;
    this.#setting = setting;
    this.#onChange = onChange;
    const names = new Set();
    this.entries = photos.map(({ file, name }) => ({
      file,
      name: freeName(name, names),
      state: 'waiting',
      packed: null,
      people: 0,
      classes: 0,
      error: null,
    }));
  }

  /** @param {Entry['state']} state */
  count(state) {
    return this.entries.filter((entry) => entry.state === state).length;
  }

  /** Whether it is through with all photos. */
  get isDone() {
    return this.count('waiting') + this.count('working') === 0;
  }

  pause() {
    this.isPaused = true;
    this.#onChange(null);
  }

  async run() {
    this.isPaused = false;
    this.#onChange(null);
    if (this.#isRunning) return;
    this.#isRunning = true;
    while (!this.isPaused && !this.#isStopped) {
      const next = this.entries.find(({ state }) => state === 'waiting');
      if (!next) break;
      await this.#parse(next);
    }
    this.#isRunning = false;
    this.#onChange(null);
  }

  /** For good, the photo that is being parsed too. */
  stop() {
    this.#isStopped = true;
    this.#current?.abort();
  }

  /** Parses all photos once more. */
  restart() {
    this.#current?.abort();
    for (const entry of this.entries) Object.assign(entry, { state: 'waiting', packed: null, error: null });
    for (const entry of this.entries) this.#onChange(entry);
    return this.run();
  }

  /**
   * The parsing of a photo that is done.
   *
   * @param {Entry} entry
   */
  async parsing({ packed, file }) {
    return (await this.#engine.load()).unpack(/** @type {Blob} */ (packed), { source: file });
  }

  /**
   * The photos that are done, as one file.
   *
   * @param {ExportFormat} format
   * @param {ExportOptions} options
   * @param {(done: number) => void} onProgress
   */
  async export(format, options, onProgress) {
    // As they are now: another setting parses all of them anew.
    const done = this.entries.filter(({ state }) => state === 'done').map((entry) => ({ ...entry }));
    const set = (await this.#engine.load()).dataSet(format);
    for (const entry of done) {
      await set.add(await this.parsing(entry), { ...options, name: entry.name });
      onProgress(set.size);
    }
    return set.finish();
  }

  /** @param {Entry} entry */
  async #parse(entry) {
    const { signal } = (this.#current = new AbortController());
    this.#set(entry, { state: 'working' });
    try {
      const bodymap = await this.#engine.load();
      const parsing = await bodymap.parse(entry.file, { setting: this.#setting(), signal });
      const packed = await parsing.pack();
      if (signal.aborted) return;
      const ids = new Set(parsing.segments.map(({ person }) => person));
      ids.delete(0);
      const classes = new Set(parsing.segments.map((segment) => segment.class)).size;
      this.#set(entry, { state: 'done', packed, people: ids.size, classes });
    } catch (error) {
      if (signal.aborted) return;
      this.#set(entry, { state: 'failed', error });
    }
  }

  /**
   * @param {Entry} entry
   * @param {Partial<Entry>} change
   */
  #set(entry, change) {
    Object.assign(entry, change);
    this.#onChange(entry);
  }
}

/**
 * The name; if another photo has it, but for its ending, with a number.
 *
 * @param {string} name
 * @param {Set<string>} taken names without their endings
 */
function freeName(name, taken) {
  const [, stem, ending] = /** @type {RegExpExecArray} */ (/^(.*?[^/])(\.[^./]*)?$/.exec(name.replace(/[\\\p{Cc}]/gu, '_')));
  let free = stem;
  for (let n = 2; taken.has(free); n++) free = `${stem} (${n})`;
  taken.add(free);
  return free + (ending ?? '');
}
