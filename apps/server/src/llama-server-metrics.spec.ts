import type { EngineEvent } from '@starling/engine';
import { FAKE_TIMINGS, fakeModel, fakeParts } from './fake-parts.test-support.js';
import { LlamaServerMetrics } from './llama-server-metrics.js';

const timings = {
  ...FAKE_TIMINGS,
  promptMs: 500,
  firstTokenMs: 501,
  decodeMs: 2000,
  draftedTokens: 4,
  acceptedTokens: 3,
};
const ended: EngineEvent = {
  kind: 'request_ended',
  model: 'm',
  id: 'r',
  outcome: { kind: 'finished', finishReason: 'stop' },
  usage: { promptTokens: 12, cachedTokens: 2, completionTokens: 5 },
  timings,
};
const step = (sequences: number): EngineEvent => ({
  kind: 'step',
  model: 'm',
  durationMs: 1,
  sampleMs: 0,
  sequences,
  promptTokens: 0,
  decodedTokens: sequences,
  drafts: sequences - 1,
});
const valueOf = (page: string, name: string) =>
  Number(
    page
      .split('\n')
      .find((line) => line.startsWith(`llamacpp:${name} `))
      ?.split(' ')[1],
  );

describe('llama-server’s metrics', () => {
  it('count what was computed, apart from what was in the cache', () => {
    const metrics = new LlamaServerMetrics();
    for (const event of [ended, ended, step(1), step(3)]) metrics.note(event);
    const page = metrics.render(fakeParts({ served: [fakeModel({ queued: 2 })] }).parts.models, 'prometheus');
    const values = Object.fromEntries(
      [
        'prompt_tokens_total',
        'prompt_tokens_cached_total',
        'prompt_seconds_total',
        'tokens_predicted_total',
        'n_decode_total',
        'n_tokens_max',
        'requests_deferred',
        'n_busy_slots_per_decode',
        'spec_decode_num_drafts_total',
        'spec_decode_num_draft_tokens_total',
        'spec_decode_num_accepted_tokens_total',
      ].map((name) => [name, valueOf(page, name)]),
    );
    expect(values).toEqual({
      prompt_tokens_total: 20,
      prompt_tokens_cached_total: 4,
      prompt_seconds_total: 1,
      tokens_predicted_total: 10,
      n_decode_total: 2,
      n_tokens_max: 17,
      requests_deferred: 2,
      n_busy_slots_per_decode: 2,
      spec_decode_num_drafts_total: 2,
      spec_decode_num_draft_tokens_total: 8,
      spec_decode_num_accepted_tokens_total: 6,
    });
    expect(page).toContain('# TYPE llamacpp:prompt_tokens_total counter\n');
  });

  it('tell rates since the last page', () => {
    const metrics = new LlamaServerMetrics();
    metrics.note(ended);
    const { models } = fakeParts().parts;
    const [first, second] = [metrics.render(models, 'prometheus'), metrics.render(models, 'prometheus')];
    expect([valueOf(first, 'prompt_tokens_seconds'), valueOf(first, 'predicted_tokens_seconds')]).toEqual([20, 2]);
    expect([valueOf(second, 'prompt_tokens_seconds'), valueOf(second, 'predicted_tokens_seconds')]).toEqual([0, 0]);
  });

  it('have families as OpenMetrics names them', () => {
    const page = new LlamaServerMetrics().render(fakeParts().parts.models, 'openmetrics');
    expect(page).toContain('# TYPE llamacpp:prompt_tokens counter\nllamacpp:prompt_tokens_total 0\n');
    expect(page).toContain('# TYPE llamacpp:n_tokens_max gauge\n');
  });
});
