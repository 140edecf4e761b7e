import { Emitter, StarlingError, monotonicClock, type Clock, type Listener } from '@starling/core';
import { asStarlingError } from '@starling/scheduler';
import type { EngineEvent } from './events.js';
import type { LanguageModel } from './language-model.js';
import { MemoryBudget } from './memory-budget.js';
import type { CloseOptions, ModelMemory } from './model-types.js';

/** How a registry loads models from sources of one kind: paths, or bytes in memory. */
export interface ModelLoader<Source> {
  load(
    source: Source,
    options: { readonly name: string; readonly onProgress: (progress: LoadProgress) => void },
  ): Promise<LanguageModel>;
  /** Bytes that a model will take, known before it is loaded. */
  estimate(source: Source): Promise<ModelMemory>;
  /** A source in words, for lists and messages. */
  describe(source: Source): string;
}

/** How far loading is: bytes of weights. */
export interface LoadProgress {
  readonly done: number;
  readonly total: number;
}

export interface RegistryOptions<Source> {
  readonly loader: ModelLoader<Source>;
  /** Bytes that all models may take together. Default: no limit. */
  readonly memoryLimitBytes?: number;
  readonly clock?: Clock;
}

/** How a model is replaced. */
export interface ReloadOptions extends CloseOptions {
  /**
   * Settles when nobody is about to ask the old model any more: it is closed then. Called when the old one takes no new requests by its name; what
   * it gives is waited for before requests under way are.
   */
  readonly beforeClose?: () => Promise<void>;
}

/** A model that a registry knows. */
export interface RegisteredModel {
  readonly name: string;
  readonly source: string;
  readonly state: 'loading' | 'ready' | 'draining' | 'failed';
  /** While it is loading. */
  readonly progress?: LoadProgress;
  /** Why it failed. */
  readonly error?: StarlingError;
  /** What it holds; while it is loading, what it will. */
  readonly memory?: ModelMemory;
  /** There when it is ready or draining. */
  readonly model?: LanguageModel;
}

type Entry<Source> = { -readonly [K in keyof RegisteredModel]: RegisteredModel[K] } & { readonly from: Source };

/**
 * Models by name: they are loaded, replaced and unloaded while others serve, within one memory limit.
 *
 * Invariant: a name stands for at most one model that takes requests; bytes are set aside from before a model is loaded until after it is closed.
 */
export class ModelRegistry<Source = string> {
  readonly #loader: ModelLoader<Source>;
  readonly #budget: MemoryBudget;
  readonly #clock: Clock;
  readonly #events = new Emitter<EngineEvent>();
  readonly #entries = new Map<string, Entry<Source>>();
  #isClosed = false;

  constructor({ loader, memoryLimitBytes = Infinity, clock = monotonicClock }: RegistryOptions<Source>) {
    this.#loader = loader;
    this.#budget = new MemoryBudget(memoryLimitBytes);
    this.#clock = clock;
  }

  /** Hears the registry and all its models; the returned function takes the listener off again. */
  on(listener: Listener<EngineEvent>): () => void {
    return this.#events.on(listener);
  }

  /** Bytes set aside for models, and the limit. */
  get memory(): { readonly usedBytes: number; readonly limitBytes: number } {
    return { usedBytes: this.#budget.usedBytes, limitBytes: this.#budget.limitBytes };
  }

  /** Bytes that all models may take together from now on. Those that are there stay, also beyond it. */
  set memoryLimitBytes(bytes: number) {
    this.#budget.limitBytes = bytes;
  }

  /** Bytes that a model will take, before it is loaded. @throws what is wrong with the source */
  estimate(source: Source): Promise<ModelMemory> {
    return this.#loader.estimate(source);
  }

  /** All models, in the order in which their names came. */
  list(): RegisteredModel[] {
    return [...this.#entries.values()].map(({ from: _from, ...entry }) => entry);
  }

  /**
   * The model of a name; without one, the first that is ready.
   * @throws StarlingError model_not_loaded naming what is there
   */
  get(name?: string): LanguageModel {
    const entry =
      name === undefined ? [...this.#entries.values()].find(({ state }) => state === 'ready') : this.#entries.get(name);
    if (entry?.state === 'ready' && entry.model) return entry.model;
    const asked =
      name === undefined
        ? 'no model is ready'
        : entry
          ? `model ${name} is ${entry.state}`
          : `there is no model ${name}`;
    const ready = [...this.#entries.values()].filter(({ state }) => state === 'ready').map((one) => one.name);
    throw new StarlingError('model_not_loaded', `${asked}; ready: ${ready.join(', ') || 'none'}`, {
      details: { param: 'model', model: name, state: entry?.state, ready },
    });
  }

  /**
   * Loads a model under a name that is free (or whose model failed).
   * @throws StarlingError conflict, out_of_memory with figures, and what the loader throws
   */
  async load(source: Source, name: string): Promise<LanguageModel> {
    const known = this.#entries.get(name);
    if (known && known.state !== 'failed')
      throw new StarlingError('conflict', `model ${name} is ${known.state}; reload it, or choose another name`, {
        details: { param: 'name', name, state: known.state },
      });
    return this.#load(this.#enter(source, name));
  }

  /**
   * Drains and closes a model; others go on.
   * @throws StarlingError model_not_loaded
   */
  async unload(name: string, options: CloseOptions = {}): Promise<void> {
    const entry = this.#entries.get(name);
    if (entry === undefined || entry.state === 'loading')
      throw new StarlingError(
        'model_not_loaded',
        entry ? `model ${name} is still loading` : `there is no model ${name}`,
        { details: { param: 'name', name, state: entry?.state } },
      );
    try {
      await this.#retire(entry, options);
    } finally {
      if (this.#entries.get(name) === entry) this.#entries.delete(name);
    }
  }

  /**
   * Puts another model, or the same file again, in the place of one. Where memory holds both, the old one serves until the new one is ready;
   * else it is drained first. If loading fails beside the old one, that stays.
   * @throws StarlingError model_not_loaded, out_of_memory with figures, and what the loader throws
   */
  async reload(name: string, source?: Source, { beforeClose, ...options }: ReloadOptions = {}): Promise<LanguageModel> {
    const old = this.#entries.get(name);
    if (old?.state !== 'ready')
      throw new StarlingError('model_not_loaded', old ? `model ${name} is ${old.state}` : `there is no model ${name}`, {
        details: { param: 'name', name, state: old?.state },
      });
    const from = source ?? old.from;
    const estimate = await this.#loader.estimate(from);
    if (!this.#budget.fits(estimate.totalBytes)) {
      this.#budget.check(name, estimate, old.memory?.totalBytes ?? 0);
      old.state = 'draining';
      await beforeClose?.();
      await this.#retire(old, options);
      if (this.#entries.get(name) !== old) throw overtaken(name);
      return this.#load(this.#enter(from, name));
    }
    const next: Entry<Source> = { name, source: this.#loader.describe(from), state: 'loading', from };
    const model = await this.#fill(next, estimate);
    const current = this.#entries.get(name);
    if (current?.state !== 'ready') {
      await this.#retire(next, { drain: false });
      throw overtaken(name);
    }
    this.#entries.set(name, next);
    await beforeClose?.();
    await this.#retire(current, options);
    return model;
  }

  /** Closes all models. Loads under way are closed when they end. */
  async close(options: CloseOptions = {}): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#entries.values()].map((entry) => this.#retire(entry, options)));
    this.#entries.clear();
  }

  #enter(source: Source, name: string): Entry<Source> {
    if (this.#isClosed) throw new StarlingError('shutting_down', 'no more models are loaded');
    const entry: Entry<Source> = { name, source: this.#loader.describe(source), state: 'loading', from: source };
    this.#entries.set(name, entry);
    return entry;
  }

  async #load(entry: Entry<Source>): Promise<LanguageModel> {
    try {
      return await this.#fill(entry, await this.#loader.estimate(entry.from));
    } catch (thrown) {
      const error = asStarlingError(thrown);
      Object.assign(entry, { state: 'failed', error, memory: undefined, progress: undefined });
      throw error;
    }
  }

  /** Sets memory aside, loads, and makes the entry ready. */
  async #fill(entry: Entry<Source>, estimate: ModelMemory): Promise<LanguageModel> {
    const { name, source } = entry;
    const began = this.#clock();
    this.#budget.check(name, estimate);
    this.#budget.take(entry, estimate.totalBytes);
    entry.memory = estimate;
    this.#events.emit({ kind: 'model_loading', model: name, source });
    try {
      const model = await this.#loader.load(entry.from, {
        name,
        onProgress: (progress) => (entry.progress = progress),
      });
      if (this.#isClosed) {
        await model.close({ drain: false });
        throw new StarlingError('shutting_down', `model ${name} was loaded when everything was being closed`);
      }
      this.#budget.take(entry, model.memory.totalBytes);
      Object.assign(entry, { state: 'ready', model, memory: model.memory, progress: undefined });
      model.on((event) => this.#events.emit(event));
      this.#events.emit({
        kind: 'model_loaded',
        model: name,
        source,
        durationMs: this.#clock() - began,
        bytes: model.memory.totalBytes,
      });
      return model;
    } catch (thrown) {
      const error = asStarlingError(thrown);
      this.#budget.giveBack(entry);
      this.#events.emit({ kind: 'model_failed', model: name, source, code: error.code, message: error.message });
      throw error;
    }
  }

  async #retire(entry: Entry<Source>, options: CloseOptions): Promise<void> {
    if (entry.model === undefined) return;
    entry.state = 'draining';
    try {
      await entry.model.close(options);
    } finally {
      // Closed it is, also where something went wrong on the way; who comes second finds nothing left to give back.
      if (this.#budget.giveBack(entry)) this.#events.emit({ kind: 'model_unloaded', model: entry.name });
    }
  }
}

/** Another call was faster: what this one would put in its place is not wanted any more. */
const overtaken = (name: string) =>
  new StarlingError('conflict', `model ${name} was unloaded or reloaded while it was being reloaded`, {
    details: { param: 'name', name },
  });
