import type { CloseOptions, LanguageModel, ModelMemory, ModelRegistry } from '@starling/engine';
import type { ModelSource } from '@starling/engine';
import { sha256File } from '@starling/models/node';
import { StarlingError } from '@starling/core';
import type { LocatedModel } from '../cli/locate-model.js';
import type { Logger, ModelAdmin, ModelDirectory, ModelEntry } from '../parts.js';
import type { CatalogModel, ModelCatalog } from './model-catalog.js';
import type { ModelFacts } from './model-directory.js';
import { modelName } from './model-name.js';
import type { ModelPool } from './model-pool.js';

/** What loading asks of the server around it. */
export interface ModelAdminHost {
  readonly registry: Pick<ModelRegistry<ModelSource>, 'estimate' | 'load' | 'unload' | 'reload' | 'list'>;
  /** Where the list of models is read from. */
  readonly models: Pick<ModelDirectory, 'list'>;
  readonly catalog: Pick<ModelCatalog, 'find' | 'note' | 'forget' | 'refresh'>;
  readonly pool: Pick<ModelPool, 'whileAway' | 'quiet'>;
  /** By name; digests and times are noted here. */
  readonly facts: Map<string, ModelFacts>;
  /** Models that gave their memory back and can be loaded again, as they were. */
  readonly dormant: Map<string, ModelEntry>;
  /** The file behind a path, a name in the cache folder, a URL or `hf:owner/repo[:quant]`. */
  locate(reference: string): Promise<LocatedModel>;
  readonly logger: Logger;
  /** How models are closed that are taken away. */
  readonly closing: CloseOptions & { readonly timeoutMs: number };
  /** Aborts when the server closes. */
  readonly signal: AbortSignal;
}

/** A model that is loaded otherwise than by its file and the file's name. */
export interface LoadExtras {
  readonly name?: string;
  readonly adapters?: Exclude<ModelSource, string | { readonly data: unknown }>['adapters'];
  /** Names of models in whose place it may come. */
  readonly replaceable?: ReadonlySet<string>;
  /** A smaller model that drafts for it, called as models are. */
  readonly draftModel?: string;
  /** Told the name before loading begins. */
  readonly onName?: (name: string) => void;
}

/** Loads, replaces and unloads models by what people call them, at the start and later on. */
export class ModelAdministrator implements ModelAdmin {
  readonly #host: ModelAdminHost;

  constructor(host: ModelAdminHost) {
    this.#host = host;
  }

  /** @throws StarlingError file_not_found, download_failed, conflict, out_of_memory, and what is wrong with the file */
  async load(
    reference: string,
    { name: asked, adapters, draftModel, replaceable, onName }: LoadExtras = {},
  ): Promise<ModelEntry> {
    const { catalog, registry } = this.#host;
    await catalog.refresh();
    const listed = catalog.find(reference);
    if (
      listed &&
      adapters === undefined &&
      draftModel === undefined &&
      (asked === undefined || asked === listed.name) &&
      !replaceable?.has(listed.name)
    ) {
      onName?.(listed.name);
      return this.loadListed(listed.name);
    }
    const located = await this.#host.locate(listed && listed.storedAs === undefined ? listed.path : reference);
    const name = asked ?? modelName(located.path);
    onName?.(name);
    const draft = draftModel === undefined ? undefined : (await this.#host.locate(draftModel)).path;
    const source =
      adapters === undefined && draft === undefined
        ? located.path
        : { path: located.path, adapters, draftModel: draft };
    const isReplaced =
      replaceable?.has(name) && registry.list().some((entry) => entry.name === name && entry.state === 'ready');
    return isReplaced ? this.#replace(name, located, source) : this.#loadFrom(name, located, source);
  }

  /** What a model of the catalog will take. @throws StarlingError model_not_loaded, and what is wrong with its file */
  async estimate(name: string): Promise<ModelMemory> {
    const { path, source } = this.#listed(name);
    return this.#host.registry.estimate(source ?? path);
  }

  /** Loads a model of the catalog, as it was loaded before or as its folder has it. @throws what `load` throws */
  async loadListed(name: string): Promise<ModelEntry> {
    const listed = this.#listed(name);
    // What was loaded before has been checked.
    const located =
      listed.source === undefined
        ? await this.#host.locate(listed.storedAs ?? listed.path)
        : { path: listed.path, sha256: listed.sha256 };
    return this.#loadFrom(name, located, listed.source ?? located.path);
  }

  #listed(name: string): CatalogModel {
    const listed = this.#host.catalog.find(name);
    if (listed === undefined)
      throw new StarlingError('model_not_loaded', `there is no model ${name}`, {
        details: { param: 'model', model: name },
      });
    return listed;
  }

  /** Takes a model's memory, and lets it be loaded again when somebody asks for it. */
  async putAway(name: string): Promise<void> {
    const { models, registry, dormant, closing } = this.#host;
    const entry = models.list().find((one) => one.name === name);
    if (entry?.model) dormant.set(name, entry);
    await registry.unload(name, closing);
  }

  async unload(name: string): Promise<void> {
    const { registry, facts, dormant, catalog, pool, closing } = this.#host;
    // One that sleeps has no memory to give back; it only is no more in the list.
    if (!dormant.has(name) || registry.list().some((entry) => entry.name === name)) {
      await pool.whileAway(name, async () => {
        await this.#quiet(name);
        await registry.unload(name, closing);
      });
    }
    dormant.delete(name);
    facts.delete(name);
    catalog.forget(name);
  }

  async reload(name: string, reference?: string): Promise<ModelEntry> {
    const located = await this.#host.locate(
      reference ?? this.#host.models.list().find((entry) => entry.name === name)?.source ?? name,
    );
    return this.#replace(name, located, reference === undefined ? undefined : located.path);
  }

  /** @param source what to load; undefined: what was loaded before, again */
  async #replace(name: string, located: LocatedModel, source?: ModelSource): Promise<ModelEntry> {
    const { registry, closing, catalog, pool } = this.#host;
    const old = catalog.find(name);
    const beforeClose = (): Promise<void> => this.#quiet(name);
    try {
      return this.#note(
        name,
        located,
        source ?? old?.source ?? located.path,
        await registry.reload(name, source, { ...closing, beforeClose }),
      );
    } catch (error) {
      // The old one had to make room for one that turned out not to load: it comes back.
      if (old && registry.list().some((entry) => entry.name === name && entry.state === 'failed'))
        await pool.whileAway(name, () => this.loadListed(name));
      throw error;
    }
  }

  /** Settles when nobody asks a model, or has had the time to end. */
  async #quiet(name: string): Promise<void> {
    const { pool, closing, signal } = this.#host;
    const isOver = AbortSignal.any([signal, AbortSignal.timeout(closing.timeoutMs)]);
    await Promise.race([pool.quiet(name), new Promise((resolve) => isOver.addEventListener('abort', resolve))]);
  }

  async #loadFrom(name: string, located: LocatedModel, source: ModelSource): Promise<ModelEntry> {
    return this.#note(name, located, source, await this.#host.registry.load(source, name));
  }

  #note(name: string, located: LocatedModel, source: ModelSource, { info, answerParser }: LanguageModel): ModelEntry {
    const { facts, logger, models, catalog, dormant } = this.#host;
    // Derived now, not while the first request waits.
    const { readsCalls, readsReasoning } = answerParser;
    logger.debug(
      {
        file: located.path,
        architecture: info.architecture,
        weight_bytes: info.weightBytes,
        kv_bytes: info.kvBytes,
        calls_tools: readsCalls,
        reasons: readsReasoning,
      },
      'model loaded',
    );
    for (const { from, to, tensors, fileBytes, memoryBytes } of info.conversions) {
      logger.warn(
        { model: name, from, to, tensors, file_bytes: fileBytes, memory_bytes: memoryBytes },
        'weights of a type without kernels were converted',
      );
    }
    for (const { why, names } of info.unused)
      logger.info({ model: name, tensors: names.length, first: names[0], why }, 'tensors of the file are not used');
    // What was known of another file of this name is not true of this one.
    const known = located.sha256 ?? (dormant.get(name)?.source === located.path ? facts.get(name)?.sha256 : undefined);
    facts.set(name, { ...facts.get(name), sha256: known });
    dormant.delete(name);
    catalog.note({ ...catalog.find(name), name, path: located.path, sha256: known, source });
    if (known === undefined) void this.#noteDigest(name, located);
    return models.list().find((entry) => entry.name === name) ?? { name, state: 'ready', source: located.path };
  }

  /** Digests are for the list of models; they are taken beside the serving, in a worker. */
  async #noteDigest(name: string, { path }: LocatedModel): Promise<void> {
    const { facts, logger, models, signal } = this.#host;
    try {
      const digest = await sha256File(path, { signal });
      // Meanwhile it may be another file's name, or nobody's.
      if (models.list().some((entry) => entry.name === name && entry.source === path))
        facts.set(name, { ...facts.get(name), sha256: digest });
    } catch (error) {
      if (!signal.aborted) logger.warn({ err: error, file: path }, 'no digest of a model file');
    }
  }
}
