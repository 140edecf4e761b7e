import type { EngineEvent } from '@starling/engine';
import type { Telemetry } from '@starling/telemetry';
import type { EventLoopMonitor } from '@starling/telemetry/node';
import type { ModelDirectory, RequestObserver } from './parts.js';

const seconds = (ms: number) => ms / 1000;

/** Counts what the engine tells. */
export function countEvents(telemetry: Telemetry): (event: EngineEvent) => void {
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
        telemetry.observe('queue_wait_seconds', seconds(event.queueMs));
        break;
      case 'first_token':
        telemetry.count('generated_tokens_total', 1);
        telemetry.observe('time_to_first_token_seconds', seconds(event.firstTokenMs));
        break;
      case 'next_token':
        telemetry.count('generated_tokens_total', 1);
        telemetry.observe('inter_token_seconds', seconds(event.intervalMs));
        break;
      case 'request_ended':
        telemetry.count('cached_prompt_tokens_total', event.usage.cachedTokens);
        break;
      case 'step':
        telemetry.observe('batch_size', event.sequences);
        telemetry.observe('step_duration_seconds', seconds(event.durationMs));
        break;
      case 'step_failed':
        if (event.code === 'worker_failed') telemetry.count('worker_restarts_total', 1);
        break;
    }
  };
}

/** Counts what the app tells of its requests. */
export function countRequests(telemetry: Telemetry): RequestObserver {
  return {
    requestFinished({ route, status, durationMs }) {
      telemetry.count('requests_total', 1, { route, status });
      telemetry.observe('request_duration_seconds', seconds(durationMs));
    },
  };
}

/** Reads the state of the models and of the event loop whenever a page of metrics is made. */
export function gaugeState(telemetry: Telemetry, models: ModelDirectory, eventLoop: EventLoopMonitor): void {
  telemetry.onCollect(() => {
    const loaded = models.list().flatMap(({ name, model }) => (model ? [{ name, info: model.info, now: model.statistics() }] : []));
    for (const gauge of ['queue_depth', 'model_loaded_bytes'] as const) telemetry.clear(gauge);
    for (const { name, info, now } of loaded) {
      telemetry.set('queue_depth', now.queued, { model: name });
      telemetry.set('model_loaded_bytes', info.weightBytes + info.kvBytes + info.scratchBytes, { model: name });
    }
    const sum = (value: (entry: (typeof loaded)[number]) => number) => loaded.reduce((total, entry) => total + value(entry), 0);
    telemetry.set('running_sequences', sum(({ now }) => now.running));
    telemetry.set('kv_bytes', sum(({ now }) => now.kv.allocatedBytes), { state: 'allocated' });
    telemetry.set('kv_bytes', sum(({ now }) => now.kv.freeBytes), { state: 'free' });
    telemetry.set('kv_bytes', sum(({ now }) => now.kv.fragmentedBytes), { state: 'fragmented' });
    const { p50Ms, p99Ms, maxMs } = eventLoop.take();
    telemetry.set('event_loop_delay_seconds', seconds(p50Ms), { quantile: '0.5' });
    telemetry.set('event_loop_delay_seconds', seconds(p99Ms), { quantile: '0.99' });
    telemetry.set('event_loop_delay_seconds', seconds(maxMs), { quantile: '1' });
  });
}
