import { apiKeys, commaTexts, flag, integer, number, oneOf, text, texts, type Setting } from './setting-values.js';

/** Where the server is reached. */
export const NETWORK_SETTINGS = {
  host: {
    flag: 'host',
    placeholder: 'HOST',
    help: 'address to listen on, or several with commas between',
    default: '127.0.0.1',
    value: text,
  },
  port: {
    flag: 'port',
    placeholder: 'PORT',
    help: 'port to listen on; 0 picks a free one',
    default: 8080,
    value: integer(0, 65_535),
  },
  allowedHosts: {
    flag: 'allowed-host',
    placeholder: 'NAME',
    repeatable: true,
    help: 'a further host name under which a server on the loopback address may be called, by clients and by pages',
    default: [],
    value: texts,
  },
  corsOrigins: {
    flag: 'cors-origins',
    placeholder: 'ORIGINS',
    repeatable: true,
    help: 'pages that may call this server, with commas between; localhost: all of this machine; *: all',
    default: [],
    value: commaTexts,
  },
  headerSeconds: {
    flag: 'header-seconds',
    placeholder: 'N',
    help: 'how long the headers of a request may take to arrive',
    default: 15,
    value: integer(1, 3600),
  },
  bodySeconds: {
    flag: 'body-seconds',
    placeholder: 'N',
    help: 'how long a whole request may take to arrive',
    default: 120,
    value: integer(1, 3600),
  },
  stallSeconds: {
    flag: 'stall-seconds',
    placeholder: 'N',
    help: 'how long a client may take nothing of its answer before it is cut',
    default: 300,
    value: integer(1, 86_400),
  },
  maxConnections: {
    flag: 'max-connections',
    placeholder: 'N',
    help: 'connections to each address whose requests are answered; beyond, they are refused with 429, but for /health and /ready',
    default: 4096,
    value: integer(1, 1_000_000),
  },
  maxBodyBytes: {
    flag: 'max-body-bytes',
    placeholder: 'N',
    help: 'the largest request body',
    default: 8 * 2 ** 20,
    value: integer(1024, 2 ** 30),
  },
} as const satisfies Record<string, Setting>;

/** Who may call. */
export const ACCESS_SETTINGS = {
  apiKeys: {
    flag: 'api-key',
    placeholder: 'KEY',
    repeatable: true,
    help: 'a key that clients must send; may be given several times',
    default: [],
    secret: 'all',
    isLive: true,
    value: apiKeys,
  },
  adminApiKeys: {
    flag: 'admin-api-key',
    placeholder: 'KEY',
    repeatable: true,
    help: 'such a key, of an administrator: it may see and do everything',
    default: [],
    secret: 'all',
    isLive: true,
    value: apiKeys,
  },
  metricsApiKeys: {
    flag: 'metrics-api-key',
    placeholder: 'KEY',
    repeatable: true,
    help: 'such a key, for /metrics and /v1/status alone',
    default: [],
    secret: 'all',
    isLive: true,
    value: apiKeys,
  },
  apiKeysFile: {
    flag: 'api-keys-file',
    placeholder: 'FILE',
    help: 'a file of keys, as starling keys add writes it, or with one key a line; read again when it changes',
    isLive: true,
    value: text,
  },
  redisUrl: {
    flag: 'redis-url',
    placeholder: 'URL',
    help: 'a Redis that counts the limits of keys for several servers together: redis://, rediss://, or the path of a socket (default: each server counts by itself)',
    secret: 'credentials',
    value: text,
  },
  insecureNoAuth: {
    flag: 'insecure-no-auth',
    help: 'let everybody who reaches the address do everything, without a key',
    default: false,
    value: flag,
  },
} as const satisfies Record<string, Setting>;

/** Who waits, and how long the queue may be. */
export const QUEUE_SETTINGS = {
  queueLimit: {
    flag: 'queue-limit',
    placeholder: 'N',
    help: 'requests that may wait; beyond, they are refused with 429',
    default: 256,
    isLive: true,
    value: integer(0, 1_000_000),
  },
  queueResume: {
    flag: 'queue-resume',
    placeholder: 'N',
    help: 'once the queue was full, requests are refused until no more than this many wait (default: just below the limit)',
    isLive: true,
    value: integer(0, 1_000_000),
  },
  queueTokens: {
    flag: 'queue-tokens',
    placeholder: 'N',
    help: 'prompt tokens that may wait (default: no limit)',
    isLive: true,
    value: integer(1, 2 ** 40),
  },
  tenantRunning: {
    flag: 'tenant-running',
    placeholder: 'N',
    help: 'sequences of one tenant that run at once (default: no limit)',
    isLive: true,
    value: integer(1, 1024),
  },
  tenantQueue: {
    flag: 'tenant-queue',
    placeholder: 'N',
    help: 'requests of one tenant that may wait (default: no limit)',
    isLive: true,
    value: integer(0, 1_000_000),
  },
  tenantTokensPerMinute: {
    flag: 'tenant-tokens-per-minute',
    placeholder: 'N',
    help: 'tokens a minute, of prompts and answers, for one tenant (default: no limit)',
    isLive: true,
    value: integer(1, 2 ** 40),
  },
  lookup: {
    flag: 'lookup',
    negatable: true,
    help: 'expect that an answer goes on as prompt and answer did where they were alike, and compute what is expected beside what is known where that is likely to be faster; the same tokens come either way',
    default: true,
    value: flag,
  },
  nextn: {
    flag: 'nextn',
    negatable: true,
    help: 'let the head that a file has for predicting further tokens draft, where no draft model does; the same tokens come either way',
    default: true,
    value: flag,
  },
  draftMax: {
    flag: 'draft-max',
    placeholder: 'N',
    help: 'expected tokens of one answer in a step, at most; 0: none, neither of repetitions nor of what a schema forces',
    default: 15,
    value: integer(0, 255),
  },
  targetItlMs: {
    flag: 'target-itl-ms',
    placeholder: 'N',
    help: 'milliseconds between two tokens of an answer that are aimed at while prompts of others are computed (default: 2.5 times those without)',
    value: integer(1, 60_000),
  },
} as const satisfies Record<string, Setting>;

/** Which routes answer. */
export const ROUTE_SETTINGS = {
  webui: { flag: 'webui', negatable: true, help: 'whether the chat page answers', default: true, value: flag },
  browserEngine: {
    flag: 'browser-engine',
    help: 'the chat page may run a model in its tab: the file of a model is given to whoever may use it',
    default: false,
    value: flag,
  },
  metrics: { flag: 'metrics', negatable: true, help: 'whether GET /metrics answers', value: flag },
  metricsWithoutKey: {
    flag: 'metrics-without-key',
    help: 'GET /metrics answers whoever reaches the address, for routers and collectors that send no key',
    default: false,
    value: flag,
  },
  vllmMetrics: {
    flag: 'vllm-metrics',
    help: 'GET /metrics has the figures under vLLM’s names too, for its dashboards and for routers that read them',
    default: false,
    value: flag,
  },
  slots: { flag: 'slots', negatable: true, help: 'whether GET /slots answers', value: flag },
  props: { flag: 'props', help: 'whether POST /props answers', default: false, value: flag },
  embeddings: { flag: 'embeddings', help: 'embeddings are served, as they always are', default: false, value: flag },
  reranking: {
    flag: 'reranking',
    help: 'documents are ranked, as they always are where the model can',
    default: false,
    value: flag,
  },
  contBatching: { flag: 'cont-batching', help: 'requests run together, as they always do', default: true, value: flag },
} as const satisfies Record<string, Setting>;

/** The process itself. */
export const PROCESS_SETTINGS = {
  config: {
    flag: 'config',
    placeholder: 'FILE',
    help: 'a file of settings, JSON or YAML, named as these options with _ for -',
    value: text,
  },
  logLevel: {
    flag: 'log-level',
    placeholder: 'LEVEL',
    help: 'debug, info, warn, error or silent',
    default: 'info',
    isLive: true,
    value: oneOf(['debug', 'info', 'warn', 'error', 'silent']),
  },
  verbose: {
    flag: 'verbose',
    short: 'v',
    help: 'log all, and tell in answers what the prompt was',
    default: false,
    value: flag,
  },
  otlpEndpoint: {
    flag: 'otlp-endpoint',
    placeholder: 'URL',
    help: 'an OpenTelemetry collector that takes traces by OTLP over HTTP, such as http://127.0.0.1:4318 (default: what OTEL_EXPORTER_OTLP_ENDPOINT says, else no traces are kept)',
    secret: 'credentials',
    value: text,
  },
  traceRatio: {
    flag: 'trace-ratio',
    placeholder: 'R',
    help: 'the part of the traces that begin here which is kept, 0 to 1; for requests with a traceparent their caller decides',
    default: 1,
    value: number(0, 1),
  },
  shutdownDelay: {
    flag: 'shutdown-delay',
    placeholder: 'SECONDS',
    help: 'how long new requests are still taken once the server is told to stop and says that it is not ready: for balancers to notice',
    default: 0,
    value: number(0, 3600),
  },
  watchdogSeconds: {
    flag: 'watchdog-seconds',
    placeholder: 'N',
    help: 'how long nothing may come of a step before its compute threads count as hung and are replaced; the step is then tried again; 0: never',
    default: 60,
    value: integer(0, 86_400),
  },
  drainSeconds: {
    flag: 'drain-seconds',
    placeholder: 'N',
    help: 'how long requests under way may take to end on shutdown',
    default: 10,
    value: integer(0, 3600),
  },
} as const satisfies Record<string, Setting>;
