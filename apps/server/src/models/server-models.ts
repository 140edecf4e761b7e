import type { EngineEvent, LoadOptions, ModelRegistry } from '@starling/engine';
import { Starling, type ModelSource } from '@starling/engine';
import { physicalMemoryBytes } from '@starling/engine/node';
import type { SpillStore } from '@starling/kvcache';
import type { ServeConfig } from '../config/settings.js';
import type { LocatedModel } from '../cli/locate-model.js';
import { loadOptionsOf, servedOptionsOf } from '../load-config.js';
import type { Logger, ModelEntry, ModelLibrary, ModelPresence } from '../parts.js';
import { readSharedPrefixes } from '../shared-prefixes.js';
import { GivenModels, referencesOf, type StartWatcher } from './given-models.js';
import { ModelAdministrator } from './model-admin.js';
import { ModelCatalog } from './model-catalog.js';
import { directoryOf, type ModelFacts } from './model-directory.js';
import { ModelPool, type PoolLimits } from './model-pool.js';
import { isWarmUp, warmUp } from './warm-up.js';

/** What the models ask of the server around them. */
export interface ModelsHost {
  readonly library: ModelLibrary;
  readonly logger: Logger;
  /** The file behind a path, a name in the cache folder, a URL or `hf:owner/repo[:quant]`. */
  locate(reference: string): Promise<LocatedModel>;
  /** Where pages are kept that have no room in memory; asked when a model is loaded. */
  spillStore(): SpillStore | undefined;
  readonly clock: () => number;
  /** Aborts when the server closes. */
  readonly signal: AbortSignal;
  /** What models are loaded with beside what the configuration says. */
  readonly loading?: LoadOptions;
}

/** All models of a server: those in memory, those that could be, and who asks them. */
export class ServerModels {
  readonly directory: ReturnType<typeof directoryOf>;
  readonly admin: ModelAdministrator;
  readonly registry: ModelRegistry<ModelSource>;
  #config: ServeConfig;
  readonly #host: ModelsHost;
  readonly #pool: ModelPool;
  readonly #catalog: ModelCatalog;
  readonly #dormant = new Map<string, ModelEntry>();
  readonly #given: GivenModels;
  #settled: Promise<void> = Promise.resolve();
  #isWarm = false;

  constructor(config: ServeConfig, host: ModelsHost) {
    this.#config = config;
    this.#host = host;
    const facts = new Map<string, ModelFacts>();
    const registry = registryFor(() => this.#config, host);
    this.registry = registry;
    this.#catalog = new ModelCatalog({
      folder: () => this.#config.modelsDir,
      library: host.library,
      log: host.logger,
      clock: host.clock,
    });
    const pool = new ModelPool(
      {
        list: () => registry.list(),
        memory: () => registry.memory,
        isKnown: (name) => this.#catalog.find(name) !== undefined,
        estimate: (name) => this.admin.estimate(name),
        load: (name) => this.admin.loadListed(name),
        unload: (name) => this.admin.putAway(name),
        onError: (error, model) => host.logger.error({ err: error, model }, 'a model could not be unloaded'),
        clock: host.clock,
      },
      poolLimitsOf(config),
    );
    this.#pool = pool;
    const expiresAt = (name: string): Date | undefined => {
      const at = pool.expiresAt(name);
      return at === undefined ? undefined : new Date(Date.now() + at - host.clock());
    };
    this.directory = directoryOf(registry, facts, {
      optionsOf: (name) => servedOptionsOf(this.#config, name, this.#given.isFirst(name)),
      dormant: this.#dormant,
      catalog: this.#catalog,
      expiresAt,
    });
    this.admin = new ModelAdministrator({
      registry,
      models: this.directory,
      catalog: this.#catalog,
      pool,
      facts,
      dormant: this.#dormant,
      locate: (reference) => host.locate(reference),
      logger: host.logger,
      closing: { drain: true, timeoutMs: config.drainSeconds * 1000 },
      signal: host.signal,
    });
    this.#given = new GivenModels({
      registry,
      admin: this.admin,
      warmUp: (name) => warmUp(registry.get(name), host.logger),
      log: host.logger,
    });
    registry.on((event) => {
      if (event.kind === 'model_loading') this.#given.noteLoading(event.model, event.source);
      if (event.kind === 'model_loaded') {
        facts.set(event.model, { ...facts.get(event.model), loadedAt: new Date() });
        const { sharedTokens, sharedPages } = registry.get(event.model).statistics().cache;
        if (sharedTokens > 0)
          host.logger.info(
            { model: event.model, sharedTokens, sharedPages },
            'prompts of all callers can begin with what was computed of --shared-prefix',
          );
      }
      // Once the list has it.
      if (event.kind === 'model_loaded' || event.kind === 'model_unloaded' || event.kind === 'model_failed')
        setImmediate(() => pool.settled(event.model));
    });
  }

  /** Hears the registry and all models, but for what they do to get warm. */
  on(listener: (event: EngineEvent) => void): void {
    this.registry.on((event) => void (isWarmUp(event) || listener(event)));
  }

  /** The cache folder; what is pulled and removed shows in the lists at once. */
  get library(): ModelLibrary {
    const { library } = this.#host;
    const changing = <T>(change: Promise<T>): Promise<T> => change.finally(() => this.#catalog.outdate());
    return {
      list: () => library.list(),
      find: (name) => library.find(name),
      pull: (source, options) => changing(library.pull(source, options)),
      remove: (name) => changing(library.remove(name)),
    };
  }

  get presence(): ModelPresence {
    const pool = this.#pool;
    return {
      settled: () => this.#settled,
      isWarm: () => this.#isWarm,
      isSleeping: () => this.directory.list().some(({ state }) => state === 'sleeping'),
      refresh: () => this.#catalog.refresh(),
      ...(this.#config.modelsAutoload && { hold: (name: string, signal: AbortSignal) => pool.hold(name, signal) }),
      letGo: (name) => pool.letGo(name),
    };
  }

  /**
   * Loads the first models, one after the other; requests wait for the first of them.
   * @param opened settles when probes are answered
   * @throws what is wrong with one of them
   */
  async start(opened: Promise<unknown>, watcher: StartWatcher): Promise<void> {
    const [first, ...others] = referencesOf(this.#config);
    const load = (reference: string): Promise<void> => this.#given.load(reference, this.#config, watcher);
    const begun = opened.then(async () => {
      await this.#catalog.refresh();
      if (first !== undefined) await load(first);
    });
    this.#settled = begun.catch(() => undefined);
    await begun;
    for (const other of others) await load(other);
    this.#isWarm = true;
  }

  /** Takes what can be changed of a configuration while models serve: limits, names, and which models there are. What goes wrong with one is told to the log. */
  async apply(config: ServeConfig): Promise<void> {
    this.#config = config;
    this.registry.memoryLimitBytes = config.memoryLimit ?? physicalMemoryBytes();
    this.#pool.limits = poolLimitsOf(config);
    this.directory.reset();
    this.#catalog.outdate();
    await this.#given.follow(config);
    // Which of them is the first may have changed.
    this.directory.reset();
  }

  /** Loads no more models. */
  stop(): void {
    this.#pool.close();
  }
}

function registryFor(current: () => ServeConfig, host: ModelsHost): ModelRegistry<ModelSource> {
  const config = current();
  return Starling.registry({
    ...loadOptionsOf(config),
    ...host.loading,
    // It is opened when the server starts, before the first model is loaded.
    get spillStore() {
      return host.spillStore();
    },
    memoryLimitBytes: config.memoryLimit,
    queueLimits: () => {
      const { queueLimit, queueResume: queueResumeBelow, queueTokens: queueTokenLimit } = current();
      return { queueLimit, queueResumeBelow, queueTokenLimit };
    },
    tenantLimits: () => {
      const { tenantRunning: running, tenantQueue: queued, tenantTokensPerMinute: tokensPerMinute } = current();
      return { running, queued, tokensPerMinute };
    },
    targetInterTokenMs: config.targetItlMs,
    speculation: { lookup: config.lookup, nextn: config.nextn, maxTokens: config.draftMax },
    idlePrefill: config.idlePrefill,
    sharedPrefixes: readSharedPrefixes(
      config.sharedPrefix,
      servedOptionsOf(config, '', false).defaults.templateVariables,
    ),
    sessionLimit: config.sessionLimit,
    sessionIdleMs: 1000 * config.sessionTtlSeconds,
    deterministic: config.deterministic,
  });
}

function poolLimitsOf({ modelsMax, queueLimit, keepAlive, sleepIdleSeconds }: ServeConfig): PoolLimits {
  return {
    maxLoaded: modelsMax || Infinity,
    maxWaiting: queueLimit,
    keepAliveMs: sleepIdleSeconds > 0 ? 1000 * sleepIdleSeconds : keepAlive,
  };
}
