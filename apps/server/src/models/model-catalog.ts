import type { ModelSource } from '@starling/engine';
import type { ModelLibrary, RequestLog } from '../parts.js';
import { modelName } from './model-name.js';
import { modelsIn } from './models-folder.js';

/** A model that can be loaded by its name. */
export interface CatalogModel {
  readonly name: string;
  /** Its file. */
  readonly path: string;
  /** A further name: what the cache folder calls it. */
  readonly storedAs?: string;
  /** Hex, where it is known. */
  readonly sha256?: string;
  /** What it was loaded from, once it was: its file, and what belongs to it. */
  readonly source?: ModelSource;
}

/** Folders are not read again sooner than this. */
const FRESH_MS = 1000;

export interface CatalogOptions {
  /** A folder of model files. */
  folder(): string | undefined;
  readonly library: Pick<ModelLibrary, 'list'>;
  readonly log: Pick<RequestLog, 'warn'>;
  readonly clock: () => number;
}

/** Which models there are to be loaded by name: those that were loaded before, those of a folder, and those of the cache folder; in that order where names are the same. */
export class ModelCatalog {
  readonly #options: CatalogOptions;
  readonly #loaded = new Map<string, CatalogModel>();
  #found: ReadonlyMap<string, CatalogModel> = new Map();
  #readAt = -Infinity;
  #reading: Promise<void> | undefined;

  constructor(options: CatalogOptions) {
    this.#options = options;
  }

  /** Those that were loaded first come first. */
  list(): CatalogModel[] {
    return [...this.#loaded.values(), ...[...this.#found.values()].filter(({ name }) => !this.#loaded.has(name))];
  }

  /** By name, or by what the cache folder calls it; as of the last refresh. */
  find(name: string): CatalogModel | undefined {
    return this.#loaded.get(name) ?? this.#found.get(name) ?? this.list().find(({ storedAs }) => storedAs === name);
  }

  /** A model was loaded: it can be again. */
  note(model: CatalogModel): void {
    this.#loaded.set(model.name, model);
  }

  /** A model was taken away: it stays only where a folder has it. */
  forget(name: string): void {
    this.#loaded.delete(name);
  }

  /** The folders are not as they were. */
  outdate(): void {
    this.#readAt = -Infinity;
  }

  /** Reads the folders, unless that was just done. */
  async refresh(): Promise<void> {
    if (this.#reading === undefined && this.#options.clock() - this.#readAt < FRESH_MS) return;
    await (this.#reading ??= this.#read().finally(() => (this.#reading = undefined)));
  }

  async #read(): Promise<void> {
    const { library, log, clock } = this.#options;
    const folder = this.#options.folder();
    // What changes from now on is seen the next time.
    this.#readAt = clock();
    const failed = (what: string) => (error: unknown) => {
      log.warn({ err: error, folder: what }, 'a folder of models cannot be read');
      return [];
    };
    const [own, stored] = await Promise.all([
      folder === undefined ? [] : modelsIn(folder).catch(failed(folder)),
      library.list().catch(failed('cache')),
    ]);
    const cached = stored.map(
      ({ name, path, manifest: { sha256 } }): CatalogModel => ({ name: modelName(path), path, storedAs: name, sha256 }),
    );
    // Of a split model the first part stands for all.
    const whole = cached.filter(({ path }) => !/-(?!00001)\d{5}-of-\d{5}\.gguf$/i.test(path));
    this.#found = new Map([...whole, ...own].map((model) => [model.name, model]));
  }
}
