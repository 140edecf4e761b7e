import { isStarlingError } from '@starling/core';
import type { ModelRegistry } from '@starling/engine';
import type { ModelSource } from '@starling/engine';
import { demoModelFile } from '../assets.js';
import { adaptersOf } from '../config/adapter-settings.js';
import type { ServeConfig } from '../config/settings.js';
import { ownNameOf } from '../load-config.js';
import type { RequestLog } from '../parts.js';
import { fileState } from '../watch-file.js';
import type { ModelAdministrator } from './model-admin.js';

export interface GivenModelsHost {
  readonly registry: Pick<ModelRegistry<ModelSource>, 'list'>;
  readonly admin: Pick<ModelAdministrator, 'load' | 'reload' | 'unload'>;
  /** Lets a model that was loaded compute a little. */
  warmUp(name: string): Promise<void>;
  readonly log: Pick<RequestLog, 'error'>;
}

/** What loading a model from the command line tells as it goes. */
export interface StartWatcher {
  onName(name: string): void;
}

/** What the operator calls the models of a configuration. A folder of models stands in place of the demo model. */
export const referencesOf = ({ model, modelsDir }: ServeConfig): readonly string[] =>
  model.length > 0 || modelsDir !== undefined ? model : [demoModelFile()];

/** The models that the configuration gives by `model`: they are loaded at the start, and follow it. */
export class GivenModels {
  readonly #host: GivenModelsHost;
  /** What the operator's words for models turned out to be called. */
  readonly #names = new Map<string, string>();
  /** By models' names: their files, and in what state those were when they were read. */
  readonly #files = new Map<string, ReadonlyMap<string, string>>();
  #first: string | undefined;

  constructor(host: GivenModelsHost) {
    this.#host = host;
  }

  /** The first model has the names and the adapters that the operator gave. */
  isFirst(name: string): boolean {
    return name === this.#first;
  }

  /** A file is about to be read. */
  noteLoading(name: string, file: string): void {
    // What another file is tried for may stay as it was: its own is still minded.
    this.#files.set(name, new Map(this.#files.get(name)).set(file, fileState(file)));
  }

  /** Loads one. @throws what is wrong with it */
  load(reference: string, config: ServeConfig, watcher: StartWatcher): Promise<void> {
    return this.#load(reference, config, new Map(), watcher);
  }

  /**
   * Loads those that are new, lets those go that are no more named, and replaces those whose file has changed, or whose name now is another file's. One
   * that cannot be loaded is told to the log and tried again the next time; those that it would have come for stay until then.
   */
  async follow(config: ServeConfig): Promise<void> {
    const { registry, admin } = this.#host;
    const references = referencesOf(config);
    /** By their references. */
    const gone = new Map([...this.#names].filter(([reference]) => !references.includes(reference)));
    for (const { name, source, state } of registry.list()) {
      const then = this.#files.get(name)?.get(source);
      const isChanged = state === 'ready' && then !== undefined && fileState(source) !== then;
      if (!isChanged || [...gone.values()].includes(name)) continue;
      // Tried again the next time, also where the file stays as it is.
      if (!(await this.#attempt(name, () => admin.reload(name)))) this.#files.set(name, new Map([[source, then]]));
    }
    const waiting: string[] = [];
    let isComplete = true;
    for (const reference of references.filter((one) => this.#isMissing(one))) {
      try {
        await this.#load(reference, config, gone);
      } catch (error) {
        // There may be room once others have gone.
        if (isStarlingError(error, 'out_of_memory') && gone.size > 0) waiting.push(reference);
        else {
          isComplete = false;
          this.#tell(reference, error);
        }
      }
    }
    if (!isComplete) return;
    for (const [reference, name] of gone) {
      this.#names.delete(reference);
      this.#files.delete(name);
      if (name === this.#first) this.#first = this.#names.get(references[0]);
      await this.#attempt(name, () => admin.unload(name));
    }
    for (const reference of waiting) await this.#attempt(reference, () => this.#load(reference, config, new Map()));
  }

  #isMissing(reference: string): boolean {
    const name = this.#names.get(reference);
    return (
      name === undefined || this.#host.registry.list().some((entry) => entry.name === name && entry.state === 'failed')
    );
  }

  /** @param gone those that may be replaced, by their references; one that is, is taken out of it */
  async #load(
    reference: string,
    config: ServeConfig,
    gone: Map<string, string>,
    watcher?: StartWatcher,
  ): Promise<void> {
    const { admin, warmUp } = this.#host;
    const replaceable = new Set(gone.values());
    const isFirst =
      this.#first === undefined || (reference === referencesOf(config)[0] && replaceable.has(this.#first));
    const onName = (name: string): void => {
      this.#first ??= name;
      watcher?.onName(name);
      // One that takes another's place has it once it is loaded.
      if (!replaceable.has(name)) this.#names.set(reference, name);
    };
    const loaded = admin.load(reference, {
      name: isFirst ? ownNameOf(config) : undefined,
      onName,
      replaceable,
      ...(isFirst && { adapters: adaptersOf(config), draftModel: config.draftModel }),
    });
    const { name } = await loaded.catch((error: unknown) => {
      // The name is somebody else's, and not this one's to take away later.
      if (isStarlingError(error, 'conflict')) this.#names.delete(reference);
      throw error;
    });
    const [before] = [...gone].find(([, one]) => one === name) ?? [];
    if (before !== undefined) {
      gone.delete(before);
      this.#names.delete(before);
    }
    this.#names.set(reference, name);
    if (isFirst) this.#first = name;
    await warmUp(name);
  }

  async #attempt(model: string, change: () => Promise<unknown>): Promise<boolean> {
    try {
      await change();
      return true;
    } catch (error) {
      // Somebody has taken it away by hand before.
      if (!isStarlingError(error, 'model_not_loaded')) this.#tell(model, error);
      return false;
    }
  }

  #tell(model: string, error: unknown): void {
    this.#host.log.error({ err: error, model }, 'a model stays as it was');
  }
}
