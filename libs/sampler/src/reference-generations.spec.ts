import { describeWithFixtures, readFixture, readJsonFixture } from '../../../tools/fixtures/fixtures.js';
import { readF32Gguf } from '../test/gguf-reader.js';
import { TinyLlama } from '../test/tiny-llama.js';
import { tinyVocabulary } from '../test/tiny-vocabulary.js';
import type { LogitBias, SamplerOptions } from './params.js';
import { createSampler } from './sampler.js';

interface StageCase {
  readonly config: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly seed: number;
  readonly prompt: string;
  readonly tokens: readonly number[];
}

interface DrawCase {
  readonly prompt: string;
  readonly prompt_tokens: readonly number[];
  readonly tokens: readonly number[];
  readonly candidates: readonly (readonly (readonly [number, number])[])[];
}

/** `top_k` to `topK`: the parameters of a request as those of the library. */
function optionsOf(params: Readonly<Record<string, unknown>>, seed: number): SamplerOptions {
  const entries = Object.entries(params).map(([key, value]) => [
    key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    value,
  ]);
  return { ...(Object.fromEntries(entries) as SamplerOptions & { logitBias?: LogitBias }), seed };
}

describeWithFixtures('generations of llama-server (v0.5.0) on stories260K, F32', () => {
  const model = readF32Gguf(readFixture('real', 'stories260K-f32.gguf'));
  const llama = new TinyLlama(model);
  const vocabulary = tinyVocabulary(model);
  const bos = model.metadata.get('tokenizer.ggml.bos_token_id') as number;
  const stages = readJsonFixture<{ cases: StageCase[] }>('real', 'sampling-stages.json');
  const draws = readJsonFixture<{ settings: Record<string, unknown> & { seed: number }; results: DrawCase[] }>(
    'real',
    'sampling-f32.json',
  );

  it.each(stages.cases.map((one) => [`${one.config}, seed ${one.seed}: ${one.prompt}`, one] as const))(
    '%s',
    (_, { params, seed, prompt, tokens }) => {
      const sampler = createSampler(optionsOf(params, seed), vocabulary);
      llama.reset();
      let logits: Float32Array = new Float32Array(0);
      for (const id of [bos, ...vocabulary.encode(prompt)]) {
        logits = llama.step(id);
        sampler.accept(id);
      }
      const generated: number[] = [];
      while (generated.length < tokens.length) {
        const { id } = sampler.sample(logits);
        sampler.accept(id);
        generated.push(id);
        logits = llama.step(id);
      }
      expect(generated).toEqual(tokens);
    },
  );

  it.each(draws.results.map((one) => [one.prompt, one] as const))(
    'leaves the same distribution at every step: %s',
    (prompt, one) => {
      const sampler = createSampler(optionsOf(draws.settings, draws.settings.seed), vocabulary);
      llama.reset();
      expect([bos, ...vocabulary.encode(prompt)]).toEqual(one.prompt_tokens);
      let logits: Float32Array = new Float32Array(0);
      for (const id of one.prompt_tokens) logits = llama.step(id);
      one.tokens.forEach((expected, step) => {
        const sampled = sampler.sample(logits, undefined, { topCandidates: vocabulary.size });
        expect(sampled.id).toBe(expected);
        expect(sampled.candidates?.map(({ id }) => id)).toEqual(one.candidates[step].map(([id]) => id));
        sampled.candidates?.forEach(({ probability }, i) =>
          expect(Math.abs(probability - one.candidates[step][i][1])).toBeLessThan(1e-5),
        );
        logits = llama.step(expected);
      });
    },
  );
});
