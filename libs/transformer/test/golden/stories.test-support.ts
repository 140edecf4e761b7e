import {
  describeWithFixtures,
  readFloatFixture,
  readJsonFixture,
  relativeRms,
} from '../../../../tools/fixtures/fixtures.js';
import type { LoadOptions, ModelRuntime } from '../../src/index.js';
import { firstDifference, loadGolden, logitsInSteps, sequenceOf } from './golden-models.js';

const formats = [
  ['f32', 1e-5],
  ['f16', 1e-3],
  ['q8_0', 1.5e-2],
] as const;

interface Generation {
  readonly prompt_tokens: readonly number[];
  readonly tokens: readonly number[];
}

const withStories = async (
  format: string,
  options: LoadOptions,
  test: (runtime: ModelRuntime) => Promise<void>,
): Promise<void> => {
  const runtime = await loadGolden('real', `stories260K-${format}.gguf`, options);
  try {
    await test(runtime);
  } finally {
    await runtime.close();
  }
};

async function greedy(
  runtime: ModelRuntime,
  prompt: readonly number[],
  count: number,
  sequence = 0,
): Promise<number[]> {
  const result: number[] = [];
  let tokens = prompt;
  for (let position = 0; result.length < count; ) {
    const { logits } = await runtime.step([sequenceOf(runtime, tokens, position, { sequence, outputs: 'last' })]);
    position += tokens.length;
    const best = logits.indexOf(Math.max(...logits.subarray(0, runtime.info.vocabSize)));
    result.push(best);
    tokens = [best];
  }
  return result;
}

const goldenTokens = (): readonly number[] =>
  readJsonFixture<{ tokens: number[] }>('real', 'stories260K-f32.logits.json').tokens;

describeWithFixtures('stories260K', () => {
  it.each(formats)('%s gives the golden logits', (format, tolerance) =>
    withStories(format, {}, async (runtime) => {
      const logits = await logitsInSteps(runtime, goldenTokens(), [64]);
      expect(relativeRms(logits, readFloatFixture('real', `stories260K-${format}.logits.f32`))).toBeLessThan(tolerance);
    }),
  );

  it('continues prompts as the reference does, token for token', () =>
    withStories('f32', {}, async (runtime) => {
      for (const { prompt_tokens: prompt, tokens } of readJsonFixture<{ results: Generation[] }>(
        'real',
        'greedy-f32.json',
      ).results) {
        expect(await greedy(runtime, prompt, tokens.length)).toEqual(tokens);
      }
    }));

  it.each(formats)('%s has the golden perplexity', (format) =>
    withStories(format, { contextLength: 512, maxBatchTokens: 500, pageTokens: 32 }, async (runtime) => {
      const golden = readJsonFixture<{ chunks: number[][]; models: Record<string, { ppl: number }> }>(
        'real',
        'perplexity.json',
      );
      let loss = 0;
      let count = 0;
      for (const chunk of golden.chunks) {
        const { logits } = await runtime.step([sequenceOf(runtime, chunk, 0)]);
        for (let i = 0; i + 1 < chunk.length; i++, count++)
          loss -= logProbability(logits.subarray(i * 512, (i + 1) * 512), chunk[i + 1]);
      }
      const expected = golden.models[format].ppl;
      expect(Math.abs(Math.exp(loss / count) / expected - 1)).toBeLessThan(1e-3);
    }),
  );

  it('gives the same bits with one worker, with two, and with its layers in several memories', async () => {
    const tokens = goldenTokens();
    const results: Float32Array[] = [];
    const small = { pageTokens: 16, kvTokens: 512, contextLength: 256, maxSequences: 1, maxBatchTokens: 64 };
    const tight = { memoryBytes: 2.1e6, ...small };
    for (const options of [{}, { threads: 1 }, { threads: 2 }, tight, { threads: 2, ...tight }]) {
      await withStories('f32', options, async (runtime) => {
        expect(runtime.info.memoryCount > 1).toBe('memoryBytes' in options);
        results.push(await logitsInSteps(runtime, tokens, [5, 30, 1, 1, 64]));
      });
    }
    for (const result of results) expect(firstDifference(result, results[0])).toBeUndefined();
  });

  it.each(['F16', 'Q8_0'] as const)(
    'keeps keys and values in %s with little loss, the same however the prompt is cut',
    (kvType) =>
      withStories('f32', { kvType }, async (runtime) => {
        const whole = await logitsInSteps(runtime, goldenTokens(), [64]);
        expect(relativeRms(whole, readFloatFixture('real', 'stories260K-f32.logits.f32'))).toBeLessThan(
          kvType === 'F16' ? 1e-3 : 3e-2,
        );
        expect(firstDifference(await logitsInSteps(runtime, goldenTokens(), [1, 7, 20]), whole)).toBeUndefined();
      }),
  );

  it('finds weights and pages beyond 2 GiB of a memory', () =>
    withStories('f32', { kvTokens: 2.8e6 }, async (runtime) => {
      const { pageCount, kvBytes, pageTokens } = runtime.info;
      expect(kvBytes).toBeGreaterThan(3.5e9);
      const tokens = goldenTokens();
      const pages = Int32Array.from({ length: tokens.length / pageTokens }, (_, i) => pageCount - 1 - i);
      const { logits } = await runtime.step([{ tokens, startPosition: 0, pages, slot: 0, outputs: 'all' }]);
      expect(relativeRms(logits, readFloatFixture('real', 'stories260K-f32.logits.f32'))).toBeLessThan(1e-5);
    }));

  it('goes on from a copied page', () =>
    withStories('f32', {}, async (runtime) => {
      const tokens = goldenTokens();
      const whole = await logitsInSteps(runtime, tokens, [64]);
      const original = sequenceOf(runtime, tokens.slice(40), 40).pages;
      const copies = sequenceOf(runtime, tokens.slice(40), 40, { sequence: 1 }).pages;
      for (let page = 0; page * 16 < 40; page++) await runtime.copyPage(original[page], copies[page]);
      const { logits } = await runtime.step([sequenceOf(runtime, tokens.slice(40), 40, { sequence: 1 })]);
      expect(firstDifference(Float32Array.from(logits), whole.subarray(40 * 512))).toBeUndefined();
    }));
});

function logProbability(logits: Float32Array, token: number): number {
  const top = Math.max(...logits);
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - top), 0);
  return logits[token] - top - Math.log(sum);
}
