import { messageOf, StarlingError } from '@starling/core';
import type { CloseOptions, EngineEvent } from '@starling/engine';
import type { ModelDirectory, ModelEntry, ServedModel } from './parts.js';

/** A model as the host holds it: served to requests, heard by telemetry, closed at the end. */
export interface HostedModel extends ServedModel {
  on(listener: (event: EngineEvent) => void): () => void;
  close(options?: CloseOptions): Promise<void>;
}

/** Loads the model behind a file under a name. */
export type ModelLoader = (file: string, name: string) => Promise<HostedModel>;

/** A file to load, and its digest (hex) where it is known. */
export interface ModelSource {
  readonly path: string;
  readonly sha256?: string;
}

interface Slot extends ModelEntry {
  readonly model?: HostedModel;
}

/**
 * The models of the process. Each name is taken once; a model that is loading or that failed keeps its place in the list,
 * so that clients see what became of it.
 */
export class ModelHost implements ModelDirectory {
  readonly #load: ModelLoader;
  readonly #onEvent: (event: EngineEvent) => void;
  readonly #slots = new Map<string, Slot>();

  /** @param onEvent hears the events of every model */
  constructor(load: ModelLoader, onEvent: (event: EngineEvent) => void) {
    this.#load = load;
    this.#onEvent = onEvent;
  }

  /**
   * Loads a model and serves it under `name`.
   * @throws StarlingError conflict if the name is taken, else what loading throws
   */
  async load({ path: file, sha256 }: ModelSource, name = modelName(file)): Promise<ServedModel> {
    if (this.#slots.has(name)) {
      throw new StarlingError('conflict', `two models would be called ${JSON.stringify(name)}: give their files different names`, { details: { name, file } });
    }
    this.#slots.set(name, { name, state: 'loading', source: file, sha256 });
    try {
      const model = await this.#load(file, name);
      model.on(this.#onEvent);
      this.#slots.set(name, { name, state: 'ready', source: file, sha256, loadedAt: new Date(), model });
      return model;
    } catch (error) {
      this.#slots.set(name, { name, state: 'failed', source: file, sha256 });
      throw error;
    }
  }

  /** Notes the digest of a model's file. */
  setDigest(name: string, sha256: string): void {
    const slot = this.#slots.get(name);
    if (slot) this.#slots.set(name, { ...slot, sha256 });
  }

  pick(name?: string): ServedModel {
    const slot = name === undefined ? [...this.#slots.values()].find(({ state }) => state === 'ready') ?? this.#slots.values().next().value : this.#slots.get(name);
    if (slot?.model) return slot.model;
    const known = [...this.#slots.keys()].join(', ') || 'none';
    if (slot === undefined) {
      throw new StarlingError('model_not_loaded', `no model ${JSON.stringify(name ?? '')} is loaded; there are: ${known}`, { details: { param: 'model' } });
    }
    const isLoading = slot.state === 'loading';
    throw new StarlingError('model_not_loaded', `model ${JSON.stringify(slot.name)} ${isLoading ? 'is still loading' : `is ${slot.state}`}`, { details: { param: 'model', isLoading } });
  }

  list(): readonly ModelEntry[] {
    return [...this.#slots.values()];
  }

  /** Closes every model; requests under way may end first. */
  async close(options: CloseOptions): Promise<void> {
    const models = [...this.#slots.values()].flatMap(({ model }) => (model ? [model] : []));
    const results = await Promise.allSettled(models.map((model) => model.close(options)));
    this.#slots.clear();
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw new StarlingError('internal', `a model could not be closed: ${messageOf(failed.reason)}`, { cause: failed.reason });
  }
}

/** What a file's model is called: the file's name without its ending and the number of its part. */
export function modelName(file: string): string {
  const base = file.split(/[\\/]/).at(-1) ?? file;
  return base.replace(/\.gguf$/i, '').replace(/-\d{5}-of-\d{5}$/, '');
}
