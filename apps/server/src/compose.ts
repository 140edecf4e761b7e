import type { EngineEvent } from '@starling/engine';
import { Starling } from '@starling/engine/node';
import { sha256File } from '@starling/models/node';
import { createTelemetry } from '@starling/telemetry';
import { createLogger, watchEventLoopDelay } from '@starling/telemetry/node';
import { createApp } from './app.js';
import { demoModelFile, pageFolder } from './assets.js';
import type { CliIo } from './cli/io.js';
import { locateModel, type LocatedModel } from './cli/locate-model.js';
import { showProgress } from './cli/progress.js';
import { countEvents, countRequests, gaugeState } from './join-telemetry.js';
import { listen, type Listening } from './listen.js';
import { directoryOf, modelName, type ModelFacts } from './model-directory.js';
import { readPageFiles } from './page-files.js';
import type { ServedModel } from './parts.js';
import type { ServeConfig } from './settings.js';
import { VERSION } from './version.js';
import { whenAborted } from './when-aborted.js';

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
  /** The first model, once it is loaded. */
  readonly model: ServedModel;
  /** Takes no new requests, lets those under way end for as long as the configuration says (or until `hurry` aborts), and closes everything. Once. */
  close(hurry: AbortSignal): Promise<void>;
}

/** Puts the server together: the one place that knows every part. */
export function compose(config: ServeConfig, io: CliIo): Server {
  const logger = createLogger({ level: config.logLevel });
  const telemetry = createTelemetry();
  const eventLoop = watchEventLoopDelay();
  const count = countEvents(telemetry);
  const registry = Starling.registry({
    threads: config.threads,
    contextLength: config.ctxSize,
    maxSequences: config.parallel,
    deterministic: config.deterministic,
  });
  const facts = new Map<string, ModelFacts>();
  const models = directoryOf(registry, facts);
  registry.on((event) => {
    count(event);
    logEvent(event);
    if (event.kind === 'model_loaded') facts.set(event.model, { ...facts.get(event.model), loadedAt: new Date() });
  });
  gaugeState(telemetry, models, eventLoop);
  const closing = new AbortController();
  let listening: Listening | undefined;
  let closed: Promise<void> | undefined;
  const app = createApp({
    models,
    logger,
    observer: countRequests(telemetry),
    metrics: telemetry,
    page: readPageFiles(pageFolder),
    apiKeys: config.apiKeys,
    limits: { maxBodyBytes: config.maxBodyBytes, heartbeatMs: HEARTBEAT_MS },
    version: VERSION,
    isAccepting: () => !closing.signal.aborted,
    clock: () => performance.now(),
  });

  /** Digests are for the list of models; they are taken beside the serving, in a worker. */
  async function noteDigest(name: string, { path, sha256 }: LocatedModel): Promise<void> {
    try {
      const digest = sha256 ?? (await sha256File(path, { signal: closing.signal }));
      facts.set(name, { ...facts.get(name), sha256: digest });
    } catch (error) {
      if (!closing.signal.aborted) logger.warn({ err: error, file: path }, 'no digest of a model file');
    }
  }

  async function load(model: string): Promise<void> {
    const located = await locateModel(model, io, { verify: !config.skipVerify });
    const name = modelName(located.path);
    const progress = showProgress(io, `loading ${name}`, 'bytes');
    const watch = setInterval(() => {
      const now = registry.list().find((entry) => entry.name === name)?.progress;
      if (now) progress.update(now.done, now.total);
    }, PROGRESS_MS);
    try {
      const { info } = await registry.load(located.path, name);
      logger.debug({ file: located.path, architecture: info.architecture, weight_bytes: info.weightBytes, kv_bytes: info.kvBytes }, 'model loaded');
      for (const { from, to, tensors, fileBytes, memoryBytes } of info.conversions) {
        logger.warn({ model: name, from, to, tensors, file_bytes: fileBytes, memory_bytes: memoryBytes }, 'weights of a type without kernels were converted');
      }
    } finally {
      clearInterval(watch);
      progress.end();
    }
    void noteDigest(name, located);
  }

  function logEvent(event: EngineEvent): void {
    if (event.kind === 'step_failed') logger.error(event, 'a step failed');
    else if (event.kind === 'request_preempted') logger.warn(event, 'a request lost its pages and will be computed again');
  }

  async function close(hurry: AbortSignal): Promise<void> {
    closing.abort();
    const drainMs = config.drainSeconds * 1000;
    const deadline = AbortSignal.any([hurry, AbortSignal.timeout(drainMs)]);
    const forget = whenAborted(hurry, () => void registry.close({ drain: false }));
    await Promise.all([registry.close({ drain: true, timeoutMs: drainMs }), listening?.close(deadline, FAREWELL_MS)]);
    forget();
    eventLoop.stop();
  }

  return {
    get url() {
      return listening?.url ?? '';
    },
    get model() {
      return models.pick();
    },
    async start() {
      listening = await listen(app, config.host, config.port);
      for (const model of config.model.length > 0 ? config.model : [demoModelFile()]) await load(model);
    },
    close: (hurry) => (closed ??= close(hurry)),
  };
}
