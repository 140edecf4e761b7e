import { StarlingError } from '@starling/core';
import type { SpillEvent, SpillStore } from '@starling/kvcache';
import { createTelemetry } from '@starling/telemetry';
import { createLogger, watchEventLoopDelay } from '@starling/telemetry/node';
import type { Tracing } from '@starling/telemetry/tracing';
import { givenKeys } from './access/given-keys.js';
import { KeyRing, type KnownKey } from './access/key-ring.js';
import { watchKeys, type WatchedKeys } from './access/watched-keys.js';
import { createApp } from './app.js';
import { pageFolder, siteFolders } from './assets.js';
import type { CliIo } from './cli/io.js';
import { locateModel, storeOf } from './cli/locate-model.js';
import { showProgress } from './cli/progress.js';
import { ResponseStore } from './dialects/openai/responses/response-store.js';
import { faultsOf } from './faults/fault-injection.js';
import { openKvStore } from './kv-store.js';
import { countRequests, gaugeState } from './join-telemetry.js';
import { CallerLimiter, WINDOW_SECONDS } from './limits/caller-limiter.js';
import type { LimitStore } from './limits/limit-store.js';
import { MemoryLimitStore } from './limits/memory-limit-store.js';
import { RedisLimitStore } from './limits/redis-limit-store.js';
import { listen, type Listening } from './listen.js';
import { ServerModels } from './models/server-models.js';
import { readPageFiles, siteFiles } from './page-files.js';
import { Observers } from './observers.js';
import type { Logger, ServedModel } from './parts.js';
import { fileKey } from './config/resolve-config.js';
import { liveChange, type LogLevel, type ServeConfig } from './config/settings.js';
import { VERSION } from './version.js';
import { RedisFolderSharing } from './sharing/redis-folder-sharing.js';
import { SavedSlots } from './saved/saved-slots.js';
import { SessionFiles } from './saved/session-files.js';
import { aborted, whenAborted } from './when-aborted.js';

/** Streams say that they live after this long a silence. */
const HEARTBEAT_MS = 15_000;
/** How often progress of loading is looked at. */
const PROGRESS_MS = 100;
/** Answers that were told to end get this long to reach their clients. */
const FAREWELL_MS = 500;

/** A whole server, put together and not yet started. */
export interface Server {
  /** Opens the port, then loads the models: probes are answered meanwhile. */
  start(): Promise<void>;
  /** Where it listens, once it does. */
  readonly url: string;
  readonly asksForKeys: boolean;
  readonly log: Pick<Logger, 'error'>;
  /** The first model, once it is loaded; undefined: none is, they are loaded when they are asked for. */
  readonly model: ServedModel | undefined;
  /**
   * Takes another configuration, as far as that can be while it runs; one after the other.
   * @throws StarlingError invalid_argument if the file of keys is not in order: nothing is changed then
   */
  reload(config: ServeConfig): Promise<void>;
  /** Takes no new requests, lets those under way end for as long as the configuration says (or until `hurry` aborts), and closes everything. Once. */
  close(hurry: AbortSignal): Promise<void>;
}

/**
 * Puts the server together: the one place that knows every part.
 * @param tracing where traces go; it is closed with the server
 * @throws StarlingError invalid_argument if the file of keys is not in order, or if the environment asks a server that was built for use to fail
 */
export function compose(config: ServeConfig, io: CliIo, tracing?: Tracing): Server {
  const logger = createLogger({ level: levelOf(config) });
  const faults = faultsOf(io.environment);
  let current = config;
  let watched = watchedKeysOf(config, logger);
  const keys = new KeyRing(keySources(config, watched));
  let limitStore: LimitStore = new MemoryLimitStore(WINDOW_SECONDS);
  const telemetry = createTelemetry();
  const eventLoop = watchEventLoopDelay();
  const observers = new Observers(config, { telemetry, logger, tracing });
  let kvStore: SpillStore | undefined;
  let sharing: RedisFolderSharing | undefined;
  /** The server was told to stop; and, after a delay, takes no new requests. */
  const stopping = new AbortController();
  const closing = new AbortController();
  const models = new ServerModels(config, {
    library: storeOf(io),
    logger,
    locate: (reference) => locateModel(reference, io, { verify: !config.skipVerify, download: !config.offline }),
    spillStore: () => kvStore,
    clock: () => performance.now(),
    signal: closing.signal,
    loading: faults?.loading,
  });
  models.on((event) => observers.note(event));
  gaugeState(telemetry, models.directory, eventLoop);
  let listening: Listening | undefined;
  let closed: Promise<void> | undefined;
  let reloaded: Promise<void> = Promise.resolve();
  const app = createApp({
    models: models.directory,
    admin: models.admin,
    library: models.library,
    logger,
    observer: countRequests(telemetry),
    metrics: telemetry,
    tracing,
    totals: () => observers.work.totals(),
    llamaServerMetrics: observers.llamaServerMetrics,
    vllmMetrics: observers.vllmMetrics,
    page: config.webui ? readPageFiles(pageFolder, { hasEngine: config.browserEngine }) : new Map(),
    site: config.webui ? siteFiles(siteFolders) : new Map(),
    keys,
    limiter: new CallerLimiter(() => limitStore),
    hosts: { bound: config.host, allowed: config.allowedHosts, corsOrigins: config.corsOrigins },
    limits: { maxBodyBytes: config.maxBodyBytes, heartbeatMs: HEARTBEAT_MS, stallMs: config.stallSeconds * 1000 },
    features: {
      slots: config.slots ?? true,
      props: config.props,
      metrics: config.metrics ?? true,
      openMetrics: config.metricsWithoutKey,
      browserEngine: config.browserEngine,
      downloads: !config.offline,
      predict: io.environment.AIP_MODE === 'PREDICTION',
      verbose: config.verbose,
    },
    saved:
      config.slotSavePath === undefined
        ? undefined
        : new SavedSlots(new SessionFiles(config.slotSavePath, config.kvDiskLimit)),
    version: VERSION,
    responses: new ResponseStore(() => performance.now()),
    presence: models.presence,
    isStopping: () => stopping.signal.aborted,
    isAccepting: () => !closing.signal.aborted,
    clock: () => performance.now(),
  });

  /** Loads the first models, with progress on the terminal. */
  async function load(opened: Promise<unknown>): Promise<void> {
    let shown: { readonly name: string; readonly progress: ReturnType<typeof showProgress> } | undefined;
    const onName = (name: string): void => {
      shown?.progress.end();
      shown = { name, progress: showProgress(io, `loading ${name}`, 'bytes') };
    };
    const watch = setInterval(() => {
      const now = models.registry.list().find(({ name }) => name === shown?.name)?.progress;
      if (now) shown?.progress.update(now.done, now.total);
    }, PROGRESS_MS);
    try {
      await models.start(opened, { onName });
    } finally {
      clearInterval(watch);
      shown?.progress.end();
    }
  }

  async function reload(next: ServeConfig): Promise<void> {
    // What is wrong is found before anything is changed.
    const nextKeys = watchedKeysOf(next, logger);
    if (keys.isAsked && keySources(next, nextKeys).length === 0)
      throw new StarlingError(
        'invalid_argument',
        'the configuration has no keys any more: a server that asks for them goes on doing so until it is started anew',
      );
    watched?.close();
    watched = nextKeys;
    keys.replace(keySources(next, watched));
    // What waits for a restart has no effect meanwhile, not even in part.
    const { config: taken, waiting } = liveChange(current, next);
    current = taken;
    logger.level = levelOf(taken);
    await models.apply(taken);
    if (waiting.length > 0)
      logger.warn({ settings: waiting.map(fileKey) }, 'these settings take effect after a restart');
    logger.info({}, 'the configuration was read again');
  }

  async function close(hurry: AbortSignal): Promise<void> {
    // Not ready from now on; who has not noticed yet is served for a while.
    stopping.abort();
    const delay = AbortSignal.timeout(config.shutdownDelay * 1000);
    if (config.shutdownDelay > 0 && listening) await aborted(AbortSignal.any([hurry, delay]));
    closing.abort();
    models.stop();
    const drainMs = config.drainSeconds * 1000;
    const deadline = AbortSignal.any([hurry, AbortSignal.timeout(drainMs)]);
    const forget = whenAborted(hurry, () => void models.registry.close({ drain: false }));
    // The port stays open meanwhile: new requests are told that the server is shutting down, and when to try again.
    await models.registry.close({ drain: true, timeoutMs: drainMs });
    await listening?.close(deadline, FAREWELL_MS);
    forget();
    watched?.close();
    // A disk that hangs holds up no end.
    await Promise.race([kvStore?.close(), aborted(deadline)]);
    sharing?.close();
    await limitStore.close();
    eventLoop.stop();
    await tracing?.close();
  }

  return {
    asksForKeys: keys.isAsked,
    log: logger,
    get url() {
      return listening?.url ?? '';
    },
    get model() {
      return models.directory.list().some(({ state }) => state === 'ready') ? models.directory.pick() : undefined;
    },
    async start() {
      if (config.redisUrl !== undefined)
        limitStore = await RedisLimitStore.connect({
          url: config.redisUrl,
          windowSeconds: WINDOW_SECONDS,
          log: logger,
        });
      if (config.kvShared && config.kvDir === undefined)
        throw new StarlingError('invalid_argument', '--kv-shared is about the folder of --kv-dir: give that too');
      if (config.kvDir !== undefined) {
        const note = (event: SpillEvent): void => observers.noteSpill(event);
        if (config.kvShared)
          sharing = await RedisFolderSharing.connect({ url: sharedRedisOf(config), leases: limitStore, log: logger });
        const store = await openKvStore(
          { folder: config.kvDir, limitBytes: config.kvDiskLimit, share: sharing && ((name) => sharing!.of(name)) },
          telemetry,
          note,
        );
        kvStore = faults?.wrapStore(store, note) ?? store;
      }
      const open = listen(app, config.host, config.port, {
        headersMs: config.headerSeconds * 1000,
        requestMs: config.bodySeconds * 1000,
        maxBodyBytes: config.maxBodyBytes,
        maxConnections: config.maxConnections,
      });
      const loaded = load(open);
      // Whether the port could be opened is told first.
      loaded.catch(() => undefined);
      listening = await open;
      await loaded;
    },
    reload: (next) =>
      (reloaded = reloaded.catch(() => undefined).then(() => (stopping.signal.aborted ? undefined : reload(next)))),
    close: (hurry) => (closed ??= close(hurry)),
  };
}

const watchedKeysOf = ({ apiKeysFile }: ServeConfig, logger: Logger): WatchedKeys | undefined =>
  apiKeysFile === undefined ? undefined : watchKeys(apiKeysFile, logger);

const levelOf = ({ verbose, logLevel }: ServeConfig): LogLevel => (verbose && logLevel === 'info' ? 'debug' : logLevel);

/** @throws StarlingError invalid_argument */
function sharedRedisOf({ redisUrl }: ServeConfig): string {
  if (redisUrl !== undefined) return redisUrl;
  throw new StarlingError(
    'invalid_argument',
    '--kv-shared: servers that share the folder of --kv-dir hear of each other by one Redis: give --redis-url',
  );
}

/** Keys that were given in full, and those of the file. */
function keySources(config: ServeConfig, watched: WatchedKeys | undefined): (() => readonly KnownKey[])[] {
  const given = givenKeys(config);
  return [...(given.length > 0 ? [() => given] : []), ...(watched ? [() => watched.current()] : [])];
}
