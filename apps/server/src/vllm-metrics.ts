import type { EngineEvent, FinishReason } from '@starling/engine';
import { createTelemetry, type MetricDefinitions } from '@starling/telemetry';
import type { ForeignMetrics, ModelDirectory } from './parts.js';

const SECONDS = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560,
];
const REQUEST_SECONDS = [0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680];
const TOKENS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000];
const LABELS = ['model_name'] as const;
const counter = <L extends readonly string[]>(help: string, ...labels: L) =>
  ({ kind: 'counter', help, labels: [...LABELS, ...labels] as const }) as const;
const gauge = <L extends readonly string[]>(help: string, ...labels: L) =>
  ({ kind: 'gauge', help, labels: [...LABELS, ...labels] as const }) as const;
const histogram = (help: string, buckets: readonly number[]) =>
  ({ kind: 'histogram', help, labels: LABELS, buckets }) as const;

/** What vLLM's public dashboards and the Gateway API's inference extension read. */
export const VLLM_METRICS = {
  num_requests_running: gauge('Requests under way'),
  num_requests_waiting: gauge('Requests that wait'),
  kv_cache_usage_perc: gauge('Part of the KV cache that is in use: 1 is all of it'),
  cache_config_info: gauge('How the KV cache is laid out: a block is a page', 'block_size', 'num_gpu_blocks'),
  prompt_tokens_total: counter('Prompt tokens of requests that have ended'),
  generation_tokens_total: counter('Tokens that were generated'),
  request_success_total: counter('Requests that have ended without an error', 'finished_reason'),
  num_preemptions_total: counter('Times that a sequence gave its pages, or its slot, to another'),
  prefix_cache_queries_total: counter('Prompt tokens that were looked for in the prefix cache'),
  prefix_cache_hits_total: counter('Prompt tokens that were found in the prefix cache'),
  spec_decode_num_drafts_total: counter('Drafts: sequences of a step that were computed with tokens ahead'),
  spec_decode_num_draft_tokens_total: counter('Tokens that were drafted, of requests that have ended'),
  spec_decode_num_accepted_tokens_total: counter('Drafted tokens that were taken, of requests that have ended'),
  time_to_first_token_seconds: histogram('Time from a request to its first token', SECONDS),
  inter_token_latency_seconds: histogram('Time between two tokens of a sequence', SECONDS),
  e2e_request_latency_seconds: histogram('Time from a request to its last token', REQUEST_SECONDS),
  request_queue_time_seconds: histogram('Time that a request waits for its first step', REQUEST_SECONDS),
  request_prefill_time_seconds: histogram('Time in which a prompt is computed', REQUEST_SECONDS),
  request_decode_time_seconds: histogram('Time from the first token of an answer to its last', REQUEST_SECONDS),
  request_prompt_tokens: histogram('Prompt tokens of a request', TOKENS),
  request_generation_tokens: histogram('Generated tokens of a request', TOKENS),
} as const satisfies MetricDefinitions;

/** vLLM's words for why an answer ended. */
const FINISHED: Readonly<Record<FinishReason, string>> = {
  stop: 'stop',
  length: 'length',
  cancelled: 'abort',
  deadline: 'abort',
};

/** Our figures under vLLM's names, so that dashboards and routers made for it work. */
export class VllmMetrics implements ForeignMetrics {
  readonly startedAt = Math.floor(Date.now() / 1000);
  readonly #metrics = createTelemetry({ prefix: 'vllm:', definitions: VLLM_METRICS });
  /** Made once for each model: most events are those of tokens. */
  readonly #labels = new Map<string, { readonly model_name: string }>();

  note(event: EngineEvent): void {
    const metrics = this.#metrics;
    const labels = this.#labelsOf(event.model);
    switch (event.kind) {
      case 'first_token':
        metrics.count('generation_tokens_total', 1, labels);
        metrics.observe('time_to_first_token_seconds', event.firstTokenMs / 1000, labels);
        break;
      case 'next_token':
        metrics.count('generation_tokens_total', 1, labels);
        metrics.observe('inter_token_latency_seconds', event.intervalMs / 1000, labels);
        break;
      case 'request_preempted':
      case 'request_paused':
        metrics.count('num_preemptions_total', 1, labels);
        break;
      case 'cache_matched':
        metrics.count('prefix_cache_queries_total', event.hitTokens + event.missTokens, labels);
        metrics.count('prefix_cache_hits_total', event.hitTokens, labels);
        break;
      case 'step':
        metrics.count('spec_decode_num_drafts_total', event.drafts, labels);
        break;
      case 'request_ended':
        this.#end(event);
        break;
    }
  }

  #labelsOf(model: string): { readonly model_name: string } {
    let labels = this.#labels.get(model);
    if (labels === undefined) this.#labels.set(model, (labels = { model_name: model }));
    return labels;
  }

  #end({ model, outcome, usage, timings }: Extract<EngineEvent, { kind: 'request_ended' }>): void {
    const metrics = this.#metrics;
    const labels = this.#labelsOf(model);
    metrics.count('prompt_tokens_total', usage.promptTokens, labels);
    metrics.count('spec_decode_num_draft_tokens_total', timings.draftedTokens, labels);
    metrics.count('spec_decode_num_accepted_tokens_total', timings.acceptedTokens, labels);
    if (outcome.kind !== 'finished') return;
    metrics.count('request_success_total', 1, { ...labels, finished_reason: FINISHED[outcome.finishReason] });
    metrics.observe('request_queue_time_seconds', timings.queueMs / 1000, labels);
    metrics.observe('request_prefill_time_seconds', timings.promptMs / 1000, labels);
    metrics.observe('request_decode_time_seconds', timings.decodeMs / 1000, labels);
    metrics.observe('e2e_request_latency_seconds', (timings.firstTokenMs + timings.decodeMs) / 1000, labels);
    metrics.observe('request_prompt_tokens', usage.promptTokens, labels);
    metrics.observe('request_generation_tokens', usage.completionTokens, labels);
  }

  async render(models: ModelDirectory): Promise<string> {
    const metrics = this.#metrics;
    for (const name of [
      'num_requests_running',
      'num_requests_waiting',
      'kv_cache_usage_perc',
      'cache_config_info',
    ] as const)
      metrics.clear(name);
    for (const { name, model } of models.list()) {
      if (model === undefined) continue;
      const { running, queued, kv } = model.statistics();
      const labels = this.#labelsOf(name);
      metrics.set('num_requests_running', running, labels);
      metrics.set('num_requests_waiting', queued, labels);
      metrics.set('kv_cache_usage_perc', 1 - kv.freePages / kv.pageCount, labels);
      metrics.set('cache_config_info', 1, {
        ...labels,
        block_size: model.info.pageTokens,
        num_gpu_blocks: kv.pageCount,
      });
    }
    return (await metrics.render()).replace('# EOF\n', '');
  }
}
