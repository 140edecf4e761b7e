import type { EngineEvent } from '@starling/engine';
import type { PastSpan, RequestTrace, SpanFacts, Tracing } from '@starling/telemetry/tracing';
import { until } from '../../../../tools/jest/until.js';
import { createApp } from '../app.js';
import { FAKE_TIMINGS, fakeModel, fakeParts } from '../fake-parts.test-support.js';
import { EngineTraces } from './engine-traces.js';

interface Kept {
  name: string;
  facts: Record<string, unknown>;
  readonly spans: PastSpan[];
  readonly notes: string[];
  ended?: { readonly error?: string };
}

/** Keeps what it is told. */
function keptTracing() {
  const requests: Kept[] = [];
  const alone: PastSpan[] = [];
  let current: RequestTrace | undefined;
  const begin = (name: string, _header: unknown, facts: SpanFacts = {}): RequestTrace => {
    const kept: Kept = { name, facts: { ...facts }, spans: [], notes: [] };
    requests.push(kept);
    const trace: RequestTrace = {
      traceId: 'a'.repeat(32),
      spanId: 'b'.repeat(16),
      isSampled: true,
      run(work) {
        current = trace;
        return work();
      },
      set: (more) => void Object.assign(kept.facts, more),
      rename: (to) => void (kept.name = to),
      add: (span) => void kept.spans.push(span),
      note: (event) => void kept.notes.push(event),
      end: (error) => void (kept.ended = { error }),
    };
    return trace;
  };
  const tracing: Tracing = {
    get current() {
      return current;
    },
    begin,
    add: (span) => void alone.push(span),
    headersOf: ({ traceId, spanId }) => ({ traceparent: `00-${traceId}-${spanId}-01` }),
    close: () => Promise.resolve(),
  };
  return { tracing, requests, alone };
}

const post = (app: ReturnType<typeof createApp>, path: string, body: object) =>
  app.request(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

describe('traces of requests', () => {
  it('say which route was asked what, and how it ended; the answer, the log and the metrics lead to them', async () => {
    const { tracing, requests } = keptTracing();
    const { parts, recorded } = fakeParts({ tracing, served: [fakeModel({ answer: ['a', 'b'] })] });
    const response = await post(createApp(parts), '/v1/chat/completions', {
      model: 'fake',
      messages: [{ role: 'user', content: 'x' }],
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('traceparent')).toBe(`00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`);
    expect(requests).toEqual([
      expect.objectContaining({ name: 'POST /v1/chat/completions', ended: { error: undefined } }),
    ]);
    expect(requests[0].facts).toMatchObject({
      'http.response.status_code': 200,
      'gen_ai.operation.name': 'chat',
      'gen_ai.request.model': 'fake',
      'starling.request_id': expect.any(String),
    });
    expect(recorded.log.find(({ text }) => text === 'request')?.facts).toMatchObject({ trace_id: 'a'.repeat(32) });
    const exemplar = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };
    expect(recorded.requests).toEqual([expect.objectContaining({ operation: 'chat', model: 'fake', exemplar })]);
    expect(recorded.answers).toEqual([expect.objectContaining({ operation: 'chat', model: 'fake', exemplar })]);
  });

  it('end with the stream, and with the code of an error, also of one inside a stream', async () => {
    const { tracing, requests } = keptTracing();
    const { parts, recorded } = fakeParts({
      tracing,
      served: [
        fakeModel({ beforeToken: (index) => (index === 1 ? Promise.reject(new Error('gone')) : Promise.resolve()) }),
      ],
    });
    const app = createApp(parts);
    expect((await post(app, '/v1/generate', { prompt: 3 })).status).toBe(400);
    const stream = await post(app, '/v1/generate', { prompt: 'a', stream: true });
    await stream.text();
    await until(() => recorded.requests.length === 2);
    expect(requests.map(({ ended }) => ended?.error)).toEqual(['invalid_request', 'internal']);
    expect(recorded.requests.map(({ error }) => error)).toEqual(['invalid_request', 'internal']);
  });

  it('are not kept of probes and scrapes', async () => {
    const { tracing, requests } = keptTracing();
    const app = createApp(fakeParts({ tracing }).parts);
    for (const path of ['/health', '/ready', '/metrics']) await app.request(path);
    expect(requests).toEqual([]);
  });
});

const queued: EngineEvent = { kind: 'request_queued', model: 'm', id: 'g', promptTokens: 9 };
const ended: EngineEvent = {
  kind: 'request_ended',
  model: 'm',
  id: 'g',
  outcome: { kind: 'finished', finishReason: 'stop' },
  usage: { promptTokens: 9, cachedTokens: 4, completionTokens: 3 },
  timings: { ...FAKE_TIMINGS, queueMs: 4, promptMs: 10, firstTokenMs: 14, decodeMs: 20 },
};

describe('traces of the engine’s work', () => {
  it('hang the phases of an answer below the request that asked for it, one after another', () => {
    const { tracing, requests } = keptTracing();
    const traces = new EngineTraces(tracing);
    tracing.begin('POST', () => undefined).run(() => traces.note(queued));
    expect(traces.exemplarOf('g')).toEqual({ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) });
    traces.note({ kind: 'request_preempted', model: 'm', id: 'g', tokens: 4 });
    traces.note(ended);
    expect(traces.exemplarOf('g')).toBeUndefined();
    const [{ spans, notes }] = requests;
    expect(notes).toEqual(['preempted']);
    expect(spans).toHaveLength(1);
    const [generate] = spans;
    expect(generate).toMatchObject({
      name: 'generate',
      facts: {
        'gen_ai.usage.input_tokens': 9,
        'gen_ai.usage.cache_read.input_tokens': 4,
        'gen_ai.usage.output_tokens': 3,
        'gen_ai.response.finish_reasons': ['stop'],
      },
    });
    const parts = generate.parts!;
    expect(parts.map(({ name }) => name)).toEqual(['tokenize', 'grammar', 'queue', 'prefill', 'decode']);
    const at = parts.map(({ startMs, endMs }) =>
      [startMs - generate.startMs, endMs - generate.startMs].map((ms) => Math.round(ms * 100) / 100),
    );
    expect(at).toEqual([
      [0, 0.5],
      [0.5, 0.75],
      [0.75, 4.75],
      [4.75, 14.75],
      [14.75, 34.75],
    ]);
    expect(parts[2].parts?.map(({ name }) => name)).toEqual(['restore']);
    expect(parts[4].parts?.map(({ name }) => name)).toEqual(['sample']);
  });

  it('say what failed, and stand alone where nobody asked', () => {
    const { tracing, requests, alone } = keptTracing();
    const traces = new EngineTraces(tracing);
    traces.note(ended);
    tracing.begin('POST', () => undefined).run(() => traces.note(queued));
    traces.note({ ...ended, outcome: { kind: 'failed', code: 'worker_failed' } } as EngineEvent);
    expect(requests[0].spans).toEqual([expect.objectContaining({ error: 'worker_failed' })]);
    traces.note({ kind: 'model_loaded', model: 'm', source: 's', durationMs: 7, bytes: 3 });
    traces.note({ kind: 'model_failed', model: 'm', source: 's', code: 'out_of_memory', message: '' });
    traces.noteSpill({ kind: 'spilled', id: 'r', bytes: 5, durationMs: 2 });
    traces.noteSpill({ kind: 'restored', id: 'r', bytes: 5, durationMs: 2 });
    traces.noteSpill({ kind: 'spill_failed', message: 'full' });
    expect(alone.map(({ name, error }) => [name, error])).toEqual([
      ['load', undefined],
      ['load', 'out_of_memory'],
      ['spill', undefined],
      ['restore', undefined],
    ]);
  });
});
