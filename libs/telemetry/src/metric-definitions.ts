/** What a metric measures, in OpenMetrics terms. Times are seconds, sizes bytes. */
export interface MetricDefinition {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram's buckets, ascending. */
  readonly buckets?: readonly number[];
  /** Its whole name, where that is given by others: it gets no prefix. */
  readonly fullName?: string;
}

/** A set of metrics, by their names without the prefix. */
export type MetricDefinitions = Readonly<Record<string, MetricDefinition>>;

const counter = <L extends readonly string[]>(help: string, ...labels: L) =>
  ({ kind: 'counter', help, labels }) as const;
const gauge = <L extends readonly string[]>(help: string, ...labels: L) => ({ kind: 'gauge', help, labels }) as const;
const histogram = (help: string, buckets: readonly number[]) =>
  ({ kind: 'histogram', help, labels: [], buckets }) as const;
/** A histogram of OpenTelemetry's conventions for servers of generative models, under the name that its exporters give it; their buckets, and more of them for slow machines. */
const conventional = <L extends readonly string[]>(
  fullName: string,
  help: string,
  buckets: readonly number[],
  ...labels: L
) =>
  ({
    kind: 'histogram',
    help,
    labels: ['gen_ai_operation_name', 'gen_ai_provider_name', 'gen_ai_response_model', ...labels],
    buckets,
    fullName,
  }) as const;

/** From a fast health check to a long generation. */
const REQUEST_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
/** From a tiny model's prompt to a long prompt of a large one behind a queue. */
const WAIT_SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
/** From thousands of tokens a second to less than one. */
const TOKEN_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5];
const PREFILL_TOKENS = [1, 8, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768];
const RATIOS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];
const GEN_AI_REQUEST_SECONDS = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84, 327.68, 655.36,
];
const GEN_AI_FIRST_TOKEN_SECONDS = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 120, 300,
];
const GEN_AI_TOKEN_SECONDS = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5];
const BATCH_SIZE = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/** Every metric of Starling, by its name without the prefix. Names and labels are fixed: dashboards rely on them. */
export const METRICS = {
  requests_total: counter('HTTP requests that were answered', 'route', 'status'),
  prompt_tokens_total: counter('Prompt tokens of accepted requests', 'model'),
  cached_prompt_tokens_total: counter('Prompt tokens that were not computed again'),
  generated_tokens_total: counter('Tokens that were generated'),
  drafted_tokens_total: counter('Tokens that were expected and computed beside known ones', 'model'),
  accepted_draft_tokens_total: counter('Drafted tokens that came', 'model'),
  rejected_total: counter('Requests that were turned away', 'reason'),
  dropped_total: counter(
    'Requests that a scheduler refused (rejected-: no work was spent) or ended for want of time (evicted-: work was spent)',
    'reason',
  ),
  preemptions_total: counter('Times that a sequence gave its pages, or its slot, to another', 'kind'),
  cache_hit_tokens_total: counter('Prompt tokens that were found in the prefix cache', 'model'),
  cache_miss_tokens_total: counter('Prompt tokens that were not found in the prefix cache, by why', 'model', 'reason'),
  cache_evicted_pages_total: counter('Pages of the prefix cache that made room for others', 'model'),
  evicted_sessions_total: counter('Sessions that gave up their pages to others'),
  spilled_bytes_total: counter('Bytes of the KV cache that were written to disk'),
  restored_bytes_total: counter('Bytes of the KV cache that were read back from disk'),
  spill_dropped_total: counter(
    'Stored parts of the KV cache that were thrown away: for want of room (quota), because a check failed, or by another process (gone)',
    'reason',
  ),
  spill_failures_total: counter('Writes of the KV cache to disk that did not succeed'),
  prompt_tokens_ahead_total: counter('Tokens of next turns that were computed while nothing else ran', 'model'),
  spill_late_total: counter(
    'Times that the disk took too long over a part of the KV cache: work is write (not kept) or read (computed)',
    'work',
  ),
  worker_restarts_total: counter('Times that a worker team was rebuilt after a failure'),
  queue_depth: gauge('Requests that wait for their first step', 'model'),
  queue_tokens: gauge('Prompt tokens of requests that wait', 'model'),
  queue_accepting: gauge(
    '1 while the queue takes requests, 0 from its high watermark until it is below the low one',
    'model',
  ),
  running_sequences: gauge('Sequences under way'),
  kv_bytes: gauge(
    'Bytes of the KV cache: allocated, free, fragmented (allocated and without tokens), shared_prefix (allocated for all callers), spilled',
    'state',
  ),
  kv_usage_ratio: gauge('Part of the KV cache that is in use: 1 is all of it', 'model'),
  shared_prefix_tokens: gauge('Tokens that were computed for prompts of all callers to begin with', 'model'),
  sessions: gauge('Sessions that are held'),
  model_loaded_bytes: gauge('Bytes of a loaded model: weights, KV cache and scratch', 'model'),
  event_loop_delay_seconds: gauge('Delay of the event loop since the last scrape', 'quantile'),
  estimate_error_ratio: histogram('How far the estimate of a step was off, as a part of its time', RATIOS),
  request_duration_seconds: histogram('Time from a request to the last byte of its answer', REQUEST_SECONDS),
  queue_wait_seconds: histogram('Time that a request waits for its first step', WAIT_SECONDS),
  time_to_first_token_seconds: histogram('Time from a request to its first token', WAIT_SECONDS),
  inter_token_seconds: histogram('Time between two tokens of a sequence', TOKEN_SECONDS),
  prefill_tokens: histogram('Prompt tokens of a request', PREFILL_TOKENS),
  batch_size: histogram('Sequences in a step', BATCH_SIZE),
  step_duration_seconds: histogram('Time of a step of the model', TOKEN_SECONDS),
  draft_step_duration_seconds: histogram(
    'Time of a step of the draft model, between two steps of the model',
    TOKEN_SECONDS,
  ),
  gen_ai_request_seconds: conventional(
    'gen_ai_server_request_duration_seconds',
    'Time from a request to the last byte of its answer',
    GEN_AI_REQUEST_SECONDS,
    'error_type',
  ),
  gen_ai_first_token_seconds: conventional(
    'gen_ai_server_time_to_first_token_seconds',
    'Time from a request to its first token, of answers without an error',
    GEN_AI_FIRST_TOKEN_SECONDS,
  ),
  gen_ai_token_seconds: conventional(
    'gen_ai_server_time_per_output_token_seconds',
    'Time for each token after the first, of answers without an error',
    GEN_AI_TOKEN_SECONDS,
  ),
} as const satisfies MetricDefinitions;

export type StarlingMetrics = typeof METRICS;

export type MetricName<D extends MetricDefinitions = StarlingMetrics> = keyof D & string;

/** The names of the labels of a metric. */
export type LabelsOf<N extends MetricName<D>, D extends MetricDefinitions = StarlingMetrics> = D[N]['labels'][number];

type NamesOfKind<K extends MetricDefinition['kind'], D extends MetricDefinitions> = {
  [N in MetricName<D>]: D[N]['kind'] extends K ? N : never;
}[MetricName<D>];
export type CounterName<D extends MetricDefinitions = StarlingMetrics> = NamesOfKind<'counter', D>;
export type GaugeName<D extends MetricDefinitions = StarlingMetrics> = NamesOfKind<'gauge', D>;
export type HistogramName<D extends MetricDefinitions = StarlingMetrics> = NamesOfKind<'histogram', D>;
