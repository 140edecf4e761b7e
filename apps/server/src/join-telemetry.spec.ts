import type { EngineEvent, SampleResult } from '@starling/engine';
import type { SpillEvent } from '@starling/kvcache';
import { METRICS, createTelemetry } from '@starling/telemetry';
import { FAKE_TIMINGS, fakeModel, fakeParts } from './fake-parts.test-support.js';
import { countEvents, countRequests, gaugeState } from './join-telemetry.js';
import { noteSpill } from './kv-store.js';

const model = 'fake';
const usage = { promptTokens: 8, cachedTokens: 4, completionTokens: 2 };

const SAMPLE: SampleResult = {
  sample: 0,
  text: 'ab',
  tokens: [1, 2],
  finishReason: 'stop',
  stopReason: { kind: 'end_of_generation', id: 2 },
};

/** What a model tells that has served, refused, spilled and failed. */
const EVENTS: readonly EngineEvent[] = [
  { kind: 'request_queued', model, id: 'a', promptTokens: 8 },
  { kind: 'request_rejected', model, id: 'b', code: 'queue_full' },
  { kind: 'request_started', model, id: 'a', queueMs: 3 },
  { kind: 'first_token', model, id: 'a', firstTokenMs: 4 },
  { kind: 'next_token', model, id: 'a', intervalMs: 5 },
  {
    kind: 'request_ended',
    model,
    id: 'a',
    outcome: { kind: 'finished', finishReason: 'stop' },
    usage,
    timings: FAKE_TIMINGS,
  },
  { kind: 'request_preempted', model, id: 'a', tokens: 8 },
  { kind: 'request_paused', model, id: 'a' },
  { kind: 'request_dropped', model, id: 'b', tenant: '', reason: 'rejected-saturated' },
  { kind: 'step_estimated', model, durationMs: 10, errorRatio: 0.1 },
  { kind: 'cache_matched', model, hitTokens: 4, missTokens: 4, miss: 'new' },
  { kind: 'cache_evicted', model, pages: 2 },
  { kind: 'session_evicted', model, tenant: '', session: 's' },
  { kind: 'session_lost', model, tenant: '', session: 's', why: 'damaged' },
  { kind: 'storage_late', model, work: 'write' },
  { kind: 'computed_ahead', model, tokens: 4 },
  { kind: 'step', model, durationMs: 10, sampleMs: 1, sequences: 2, promptTokens: 4, decodedTokens: 1, drafts: 0 },
  { kind: 'draft_step', model, durationMs: 2, answers: 1 },
  { kind: 'step_failed', model, code: 'worker_failed', message: 'gone', willRetry: true },
];
const SPILLS: readonly SpillEvent[] = [
  { kind: 'spilled', id: 'a', bytes: 5, durationMs: 1 },
  { kind: 'restored', id: 'a', bytes: 5, durationMs: 1 },
  { kind: 'dropped', id: 'a', reason: 'quota', message: 'no room' },
  { kind: 'spill_failed', message: 'full' },
];

describe('the metrics', () => {
  it('move, each of them, with what the parts of the server tell', async () => {
    const telemetry = createTelemetry();
    const moved = new Set<string>();
    for (const name of ['count', 'set', 'observe'] as const) {
      const original = telemetry[name].bind(telemetry) as (...all: unknown[]) => void;
      Object.assign(telemetry, { [name]: (...all: unknown[]) => void (moved.add(String(all[0])), original(...all)) });
    }
    const { parts } = fakeParts({ served: [fakeModel()] });
    EVENTS.forEach(countEvents(telemetry));
    for (const event of SPILLS) noteSpill(event, telemetry, parts.logger);
    countRequests(telemetry).requestFinished({ route: '/x', status: 200, durationMs: 3, operation: 'chat', model });
    countRequests(telemetry).answerFinished({
      operation: 'chat',
      model,
      done: { kind: 'done', id: 'a', model, samples: [SAMPLE], ...SAMPLE, usage, timings: FAKE_TIMINGS },
    });
    gaugeState(telemetry, parts.models, { take: () => ({ p50Ms: 1, p99Ms: 2, maxMs: 3 }), stop: () => undefined });
    const page = await telemetry.render();
    expect(Object.keys(METRICS).filter((name) => !moved.has(name))).toEqual([]);
    expect(page).toContain('starling_queue_accepting{model="fake"} 1');
    expect(page).toMatch(/starling_dropped_total\{reason="rejected-saturated"\} 1/);
  });
});
