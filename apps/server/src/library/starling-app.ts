import { StarlingError } from '@starling/core';
import type { LanguageModel } from '@starling/engine';
import { createTelemetry } from '@starling/telemetry';
import { Hono } from 'hono';
import { basePath } from 'hono/route';
import { KeyRing } from '../access/key-ring.js';
import { createApp } from '../app.js';
import { ResponseStore } from '../dialects/openai/responses/response-store.js';
import { countRequests, gaugeState } from '../join-telemetry.js';
import { CallerLimiter, WINDOW_SECONDS } from '../limits/caller-limiter.js';
import { MemoryLimitStore } from '../limits/memory-limit-store.js';
import { directoryOf } from '../models/model-directory.js';
import { Observers } from '../observers.js';
import type { Logger } from '../log.js';
import type { ModelAdmin, ModelLibrary, ModelPresence } from '../parts.js';
import { VERSION } from '../version.js';
import { callerOf, handedOn, type FindCaller } from './host-caller.js';
import { fixedModels, type HostModels } from './host-models.js';

export interface StarlingAppOptions {
  /** The models that are served: some that are loaded, the first being the one of requests that name none; or a registry, whose models come and go. They stay the host's, who closes them. */
  readonly models: readonly LanguageModel[] | HostModels;
  /** Who calls. It must not read the body. Default: everybody is one and the same user, since the host lets in whom it wants. */
  readonly authenticate?: FindCaller;
  /** What paths of requests begin with (`/llm`), where a host hands them on as they came. A host that is Hono mounts the app with `route` or `mount`, and leaves this out. */
  readonly basePath?: string;
  /** Gets a line for each request. Default: nothing is logged. */
  readonly logger?: Logger;
  /** Larger bodies are refused with 413. Default 8 MiB. */
  readonly maxBodyBytes?: number;
}

const MAX_BODY_BYTES = 8 * 2 ** 20;
/** Streams say that they live after this long a silence. */
const HEARTBEAT_MS = 15_000;
/** How long a client may take nothing of what is there for it. */
const STALL_MS = 300_000;

const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silent,
};

const ofTheHost = (): Promise<never> =>
  Promise.reject(
    new StarlingError(
      'not_supported',
      'the models of this server are those of the program that it is part of: they are loaded and unloaded there',
    ),
  );
const admin: ModelAdmin = { load: ofTheHost, unload: ofTheHost, reload: ofTheHost };
const library: ModelLibrary = {
  list: () => Promise.resolve([]),
  find: () => Promise.resolve(undefined),
  pull: ofTheHost,
  remove: ofTheHost,
};
const presence: ModelPresence = {
  settled: () => Promise.resolve(),
  isWarm: () => true,
  isSleeping: () => false,
  refresh: () => Promise.resolve(),
  letGo: () => undefined,
};

/**
 * All routes of the server (its own and those of OpenAI, Anthropic, Ollama and llama-server), for a program that has one already: mount it under any
 * path (`host.route('/llm', app)`, `host.mount('/llm', app.fetch)`), or hand its `fetch` to whatever serves requests (with `basePath`, if it lies below one). It opens no port, reads no
 * environment and writes nothing; its errors have the shapes of the APIs. There is no chat page, and names of hosts, CORS and keys are the host's affair.
 * @throws StarlingError invalid_argument if there is no model, or if two have one name
 */
export function createStarlingApp({
  models,
  authenticate,
  basePath: base = '',
  logger = silent,
  maxBodyBytes = MAX_BODY_BYTES,
}: StarlingAppOptions): Hono {
  const source = isList(models) ? fixedModels(models) : models;
  const telemetry = createTelemetry();
  const observers = new Observers({ metrics: false, vllmMetrics: false }, { telemetry, logger });
  source.on((event) => observers.note(event));
  const directory = directoryOf(source, new Map());
  gaugeState(telemetry, directory);
  const limitStore = new MemoryLimitStore(WINDOW_SECONDS);
  const clock = (): number => performance.now();
  const inner = createApp({
    models: directory,
    admin,
    library,
    logger,
    observer: countRequests(telemetry),
    metrics: telemetry,
    totals: () => observers.work.totals(),
    page: new Map(),
    site: new Map(),
    keys: new KeyRing(),
    callerOf: (env) => callerOf(env, authenticate),
    limiter: new CallerLimiter(() => limitStore),
    // The host has taken the request: it knows its names.
    hosts: { bound: '', allowed: [], corsOrigins: [] },
    limits: { maxBodyBytes, heartbeatMs: HEARTBEAT_MS, stallMs: STALL_MS },
    features: {
      slots: true,
      props: false,
      metrics: true,
      openMetrics: false,
      browserEngine: false,
      downloads: false,
      predict: false,
      verbose: false,
    },
    version: VERSION,
    responses: new ResponseStore(clock),
    presence,
    isStopping: () => false,
    isAccepting: () => true,
    clock,
  });
  return new Hono().basePath(base).all('*', (c) => inner.fetch(withoutBase(c.req.raw, basePath(c)), handedOn(c)));
}

const isList = (models: StarlingAppOptions['models']): models is readonly LanguageModel[] => Array.isArray(models);

/** A request as it would be if the app were mounted at `/`. */
function withoutBase(request: Request, base: string): Request {
  if (base === '' || base === '/') return request;
  const url = new URL(request.url);
  url.pathname = url.pathname.slice(base.length) || '/';
  return new Request(url, request);
}
