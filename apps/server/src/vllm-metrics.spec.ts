import type { EngineEvent } from '@starling/engine';
import { FAKE_TIMINGS, fakeModel, fakeParts } from './fake-parts.test-support.js';
import { VLLM_METRICS, VllmMetrics } from './vllm-metrics.js';

const model = 'fake';
const ended: EngineEvent = {
  kind: 'request_ended',
  model,
  id: 'a',
  outcome: { kind: 'finished', finishReason: 'cancelled' },
  usage: { promptTokens: 12, cachedTokens: 4, completionTokens: 2 },
  timings: FAKE_TIMINGS,
};
const EVENTS: readonly EngineEvent[] = [
  { kind: 'cache_matched', model, hitTokens: 4, missTokens: 8, miss: 'new' },
  { kind: 'first_token', model, id: 'a', firstTokenMs: 50 },
  { kind: 'next_token', model, id: 'a', intervalMs: 20 },
  { kind: 'request_preempted', model, id: 'a', tokens: 8 },
  { kind: 'step', model, durationMs: 9, sampleMs: 1, sequences: 3, promptTokens: 0, decodedTokens: 8, drafts: 2 },
  ended,
];

describe('metrics under vLLM’s names', () => {
  it('move, each of them', async () => {
    const metrics = new VllmMetrics();
    for (const event of EVENTS) metrics.note(event);
    const page = await metrics.render(fakeParts({ served: [fakeModel()] }).parts.models);
    const samples = page.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    for (const [name, { kind }] of Object.entries(VLLM_METRICS)) {
      const start = `vllm:${name}${kind === 'histogram' ? '_count' : ''}{`;
      expect(samples.filter((line) => line.startsWith(start) && line.includes('model_name="fake"'))).toHaveLength(1);
    }
    expect(page).toContain('vllm:kv_cache_usage_perc{model_name="fake"} 0.25\n');
    expect(page).toContain('vllm:request_success_total{model_name="fake",finished_reason="abort"} 1\n');
    expect(page).toContain('vllm:prefix_cache_hits_total{model_name="fake"} 4\n');
    expect(page).toContain('vllm:spec_decode_num_drafts_total{model_name="fake"} 2\n');
    expect(page).toContain('vllm:spec_decode_num_draft_tokens_total{model_name="fake"} 8\n');
    expect(page).toContain('vllm:spec_decode_num_accepted_tokens_total{model_name="fake"} 6\n');
    expect(page).not.toContain('# EOF');
  });

  it('count no request as a success that failed', async () => {
    const metrics = new VllmMetrics();
    metrics.note({ ...ended, outcome: { kind: 'failed', code: 'internal' } } as EngineEvent);
    expect(await metrics.render(fakeParts().parts.models)).not.toContain('request_success_total{');
  });
});
