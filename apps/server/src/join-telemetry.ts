import type { EngineEvent } from '@starling/engine';
import type { Exemplar, Telemetry } from '@starling/telemetry';
import type { EventLoopMonitor } from '@starling/telemetry/node';
import type { ModelDirectory, RequestObserver } from './parts.js';

const seconds = (ms: number) => ms / 1000;

/** Counts what the engine tells. @param exemplarOf the trace of a request, by the engine's id */
export function countEvents(
  telemetry: Telemetry,
  exemplarOf: (id: string) => Exemplar | undefined = () => undefined,
): (event: EngineEvent) => void {
  return (event) => {
    switch (event.kind) {
      case 'request_queued':
        telemetry.count('prompt_tokens_total', event.promptTokens, { model: event.model });
        telemetry.observe('prefill_tokens', event.promptTokens);
        break;
      case 'request_rejected':
        telemetry.count('rejected_total', 1, { reason: event.code });
        break;
      case 'request_started':
        telemetry.observe('queue_wait_seconds', seconds(event.queueMs), exemplarOf(event.id));
        break;
      case 'first_token':
        telemetry.count('generated_tokens_total', 1);
        telemetry.observe('time_to_first_token_seconds', seconds(event.firstTokenMs), exemplarOf(event.id));
        break;
      case 'next_token':
        telemetry.count('generated_tokens_total', 1);
        telemetry.observe('inter_token_seconds', seconds(event.intervalMs), exemplarOf(event.id));
        break;
      case 'request_ended':
        telemetry.count('cached_prompt_tokens_total', event.usage.cachedTokens);
        telemetry.count('drafted_tokens_total', event.timings.draftedTokens, { model: event.model });
        telemetry.count('accepted_draft_tokens_total', event.timings.acceptedTokens, { model: event.model });
        break;
      case 'request_dropped':
        telemetry.count('dropped_total', 1, { reason: event.reason });
        break;
      case 'request_preempted':
        telemetry.count('preemptions_total', 1, { kind: 'pages' });
        break;
      case 'request_paused':
        telemetry.count('preemptions_total', 1, { kind: 'slot' });
        break;
      case 'cache_matched':
        telemetry.count('cache_hit_tokens_total', event.hitTokens, { model: event.model });
        if (event.miss)
          telemetry.count('cache_miss_tokens_total', event.missTokens, { model: event.model, reason: event.miss });
        break;
      case 'cache_evicted':
        telemetry.count('cache_evicted_pages_total', event.pages, { model: event.model });
        break;
      case 'storage_late':
        telemetry.count('spill_late_total', 1, { work: event.work });
        break;
      case 'session_evicted':
        telemetry.count('evicted_sessions_total', 1);
        break;
      case 'computed_ahead':
        telemetry.count('prompt_tokens_ahead_total', event.tokens, { model: event.model });
        break;
      case 'step_estimated':
        telemetry.observe('estimate_error_ratio', event.errorRatio);
        break;
      case 'step':
        telemetry.observe('batch_size', event.sequences);
        telemetry.observe('step_duration_seconds', seconds(event.durationMs));
        break;
      case 'draft_step':
        telemetry.observe('draft_step_duration_seconds', seconds(event.durationMs));
        break;
      case 'step_failed':
        if (event.code === 'worker_failed') telemetry.count('worker_restarts_total', 1);
        break;
    }
  };
}

/** Counts what the app tells of its requests. */
export function countRequests(telemetry: Telemetry): RequestObserver {
  const conventional = (operation: string, model = '') => ({
    gen_ai_operation_name: operation,
    gen_ai_provider_name: 'starling',
    gen_ai_response_model: model,
  });
  return {
    requestFinished({ route, status, durationMs, operation, model, error = '', exemplar }) {
      telemetry.count('requests_total', 1, { route, status });
      telemetry.observe('request_duration_seconds', seconds(durationMs), exemplar);
      if (operation)
        telemetry.observe(
          'gen_ai_request_seconds',
          seconds(durationMs),
          { ...conventional(operation, model), error_type: error },
          exemplar,
        );
    },
    answerFinished({ operation, model, done: { timings, usage, samples }, exemplar }) {
      const labels = conventional(operation, model);
      const later = usage.completionTokens - samples.length;
      if (timings.firstTokenMs > 0)
        telemetry.observe('gen_ai_first_token_seconds', seconds(timings.firstTokenMs), labels, exemplar);
      if (later > 0) telemetry.observe('gen_ai_token_seconds', seconds(timings.decodeMs / later), labels, exemplar);
    },
  };
}

/** Reads the state of the models, and of the event loop where it is ours, whenever a page of metrics is made. */
export function gaugeState(telemetry: Telemetry, models: ModelDirectory, eventLoop?: EventLoopMonitor): void {
  telemetry.onCollect(() => {
    const loaded = models
      .list()
      .flatMap(({ name, model }) => (model ? [{ name, info: model.info, now: model.statistics() }] : []));
    for (const gauge of [
      'queue_depth',
      'queue_tokens',
      'queue_accepting',
      'model_loaded_bytes',
      'shared_prefix_tokens',
      'kv_usage_ratio',
    ] as const)
      telemetry.clear(gauge);
    for (const { name, info, now } of loaded) {
      telemetry.set('queue_depth', now.queued, { model: name });
      telemetry.set('queue_tokens', now.queuedTokens, { model: name });
      telemetry.set('queue_accepting', now.isAccepting ? 1 : 0, { model: name });
      telemetry.set('shared_prefix_tokens', now.cache.sharedTokens, { model: name });
      telemetry.set('kv_usage_ratio', 1 - now.kv.freePages / now.kv.pageCount, { model: name });
      telemetry.set('model_loaded_bytes', info.totalBytes, { model: name });
    }
    const sum = (value: (entry: (typeof loaded)[number]) => number) =>
      loaded.reduce((total, entry) => total + value(entry), 0);
    const pages = (value: (kv: (typeof loaded)[number]['now']['kv']) => number) =>
      sum(({ now: { kv, kvOfWindows } }) => value(kv) + (kvOfWindows ? value(kvOfWindows) : 0));
    telemetry.set(
      'sessions',
      sum(({ now }) => now.cache.sessions),
    );
    telemetry.set(
      'running_sequences',
      sum(({ now }) => now.running),
    );
    telemetry.set(
      'kv_bytes',
      pages(({ allocatedBytes }) => allocatedBytes),
      { state: 'allocated' },
    );
    telemetry.set(
      'kv_bytes',
      pages(({ freeBytes }) => freeBytes),
      { state: 'free' },
    );
    telemetry.set(
      'kv_bytes',
      pages(({ fragmentedBytes }) => fragmentedBytes),
      { state: 'fragmented' },
    );
    telemetry.set(
      'kv_bytes',
      sum(({ info, now }) => now.cache.sharedPages * info.pageBytes),
      { state: 'shared_prefix' },
    );
    if (eventLoop === undefined) return;
    const { p50Ms, p99Ms, maxMs } = eventLoop.take();
    telemetry.set('event_loop_delay_seconds', seconds(p50Ms), { quantile: '0.5' });
    telemetry.set('event_loop_delay_seconds', seconds(p99Ms), { quantile: '0.99' });
    telemetry.set('event_loop_delay_seconds', seconds(maxMs), { quantile: '1' });
  });
}
