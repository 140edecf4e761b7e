/** What a metric measures, in OpenMetrics terms. Times are seconds, sizes bytes. */
export interface MetricDefinition {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram's buckets, ascending. */
  readonly buckets?: readonly number[];
}

const counter = <L extends readonly string[]>(help: string, ...labels: L) => ({ kind: 'counter', help, labels }) as const;
const gauge = <L extends readonly string[]>(help: string, ...labels: L) => ({ kind: 'gauge', help, labels }) as const;
const histogram = (help: string, buckets: readonly number[]) => ({ kind: 'histogram', help, labels: [], buckets }) as const;

/** From a fast health check to a long generation. */
const REQUEST_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
/** From a tiny model's prompt to a long prompt of a large one behind a queue. */
const WAIT_SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** From thousands of tokens a second to less than one. */
const TOKEN_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5];
const PREFILL_TOKENS = [1, 8, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768];
const BATCH_SIZE = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/** Every metric of Starling, by its name without the prefix. Names and labels are fixed: dashboards rely on them. */
export const METRICS = {
  requests_total: counter('HTTP requests that were answered', 'route', 'status'),
  prompt_tokens_total: counter('Prompt tokens of accepted requests', 'model'),
  cached_prompt_tokens_total: counter('Prompt tokens that were not computed again'),
  generated_tokens_total: counter('Tokens that were generated'),
  rejected_total: counter('Requests that were turned away', 'reason'),
  evicted_sessions_total: counter('Sessions that gave up their pages to others'),
  spilled_bytes_total: counter('Bytes of the KV cache that were written to disk'),
  restored_bytes_total: counter('Bytes of the KV cache that were read back from disk'),
  worker_restarts_total: counter('Times that a worker team was rebuilt after a failure'),
  queue_depth: gauge('Requests that wait for their first step', 'model'),
  running_sequences: gauge('Sequences under way'),
  kv_bytes: gauge('Bytes of the KV cache: allocated, free, fragmented (allocated and without tokens), spilled', 'state'),
  sessions: gauge('Sessions that are held'),
  model_loaded_bytes: gauge('Bytes of a loaded model: weights, KV cache and scratch', 'model'),
  event_loop_delay_seconds: gauge('Delay of the event loop since the last scrape', 'quantile'),
  request_duration_seconds: histogram('Time from a request to the last byte of its answer', REQUEST_SECONDS),
  queue_wait_seconds: histogram('Time that a request waits for its first step', WAIT_SECONDS),
  time_to_first_token_seconds: histogram('Time from a request to its first token', WAIT_SECONDS),
  inter_token_seconds: histogram('Time between two tokens of a sequence', TOKEN_SECONDS),
  prefill_tokens: histogram('Prompt tokens of a request', PREFILL_TOKENS),
  batch_size: histogram('Sequences in a step', BATCH_SIZE),
  step_duration_seconds: histogram('Time of a step of the model', TOKEN_SECONDS),
} as const satisfies Record<string, MetricDefinition>;

export type MetricName = keyof typeof METRICS;

/** The names of the labels of a metric. */
export type LabelsOf<N extends MetricName> = (typeof METRICS)[N]['labels'][number];

type NamesOfKind<K extends MetricDefinition['kind']> = { [N in MetricName]: (typeof METRICS)[N]['kind'] extends K ? N : never }[MetricName];
export type CounterName = NamesOfKind<'counter'>;
export type GaugeName = NamesOfKind<'gauge'>;
export type HistogramName = NamesOfKind<'histogram'>;
