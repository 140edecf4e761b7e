import type { EngineEvent } from '@starling/engine';
import { Starling } from '@starling/engine/node';
import { sha256File } from '@starling/models/node';
import { createTelemetry } from '@starling/telemetry';
import { createLogger, watchEventLoopDelay } from '@starling/telemetry/node';
import { createApp } from './app.js';
import { demoModelFile, pageFolder } from './assets.js';
import type { CliIo } from './cli/io.js';
import { locateModel } from './cli/locate-model.js';
import { showProgress } from './cli/progress.js';
import { countEvents, countRequests, gaugeState } from './join-telemetry.js';
import { listen, type Listening } from './listen.js';
import { ModelHost, type ModelLoader } from './model-host.js';
import { readPageFiles } from './page-files.js';
import type { ServeConfig } from './settings.js';
import { VERSION } from './version.js';

/** Streams say that they live after this long a silence. */
const HEARTBEAT_MS = 15_000;
/** Answers that were told to end get this long to reach their clients. */
const FAREWELL_MS = 500;

/** A whole server, put together and not yet started. */
export interface Server {
  /** Opens the port, then loads the models: probes are answered meanwhile. */
  start(): Promise<void>;
  /** Where it listens, once it does. */
  readonly url: string;
  /** Takes no new requests, lets those under way end for as long as the configuration says (or until `hurry` aborts), and closes everything. */
  close(hurry: AbortSignal): Promise<void>;
}

/** Puts the server together: the one place that knows every part. */
export function compose(config: ServeConfig, io: CliIo): Server {
  const logger = createLogger({ level: config.logLevel });
  const telemetry = createTelemetry();
  const eventLoop = watchEventLoopDelay();
  const count = countEvents(telemetry);
  const registry = new ModelRegistry({ loader: createModelLoader(engineOptions(config)) });
  const facts = new Map<string, ModelFacts>();
  const models = directoryOf(registry, facts);
  registry.on((event) => {
    count(event);
    logEvent(event);
    if (event.kind === 'model_loaded') factsOf(event.model).loadedAt = new Date();
  });
  gaugeState(telemetry, models, eventLoop);
  const closing = new AbortController();
  let listening: Listening | undefined;
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
  async function noteDigest(name: string, file: string): Promise<void> {
    try {
      models.setDigest(name, await sha256File(file, { signal: closing.signal }));
    } catch (error) {
      if (!closing.signal.aborted) logger.warn({ err: error, file }, 'no digest of a model file');
    }
  }

  function logEvent(event: EngineEvent): void {
    if (event.kind === 'step_failed') logger.error(event, 'a step failed');
    else if (event.kind === 'request_preempted') logger.warn(event, 'a request lost its pages and will be computed again');
  }

  return {
    get url() {
      return listening?.url ?? '';
    },
    async start() {
      listening = await listen(app, config.host, config.port);
      for (const model of config.model.length > 0 ? config.model : [demoModelFile()]) {
        const source = await locateModel(model, io, { verify: !config.skipVerify });
        const { info } = await models.load(source);
        if (source.sha256 === undefined) void noteDigest(info.name, source.path);
        logger.debug({ file: source.path, architecture: info.architecture, weight_bytes: info.weightBytes, kv_bytes: info.kvBytes }, 'model loaded');
      }
    },
    async close(hurry) {
      closing.abort();
      const drainMs = config.drainSeconds * 1000;
      const timeout = AbortSignal.any([hurry, AbortSignal.timeout(drainMs)]);
      const ended = models.close({ drain: true, timeoutMs: drainMs });
      await Promise.all([ended, listening?.close(timeout, FAREWELL_MS)]);
      eventLoop.stop();
    },
  };
}

function loaderOf(config: ServeConfig, io: CliIo): ModelLoader {
  return async (file, name) => {
    const progress = showProgress(io, `loading ${name}`, 'bytes');
    try {
      return await Starling.load(file, {
        name,
        threads: config.threads,
        contextLength: config.ctxSize,
        maxSequences: config.parallel,
        deterministic: config.deterministic,
        onProgress: ({ done, total }) => progress.update(done, total),
      });
    } finally {
      progress.end();
    }
  };
}
