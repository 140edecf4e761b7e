import golden from '../test/reference-chains.json' with { type: 'json' };
import { chainCase } from '../test/chain-cases.js';
import { createSampler } from './sampler.js';

describe('random chains against the samplers of llama.cpp', () => {
  it.each(golden.cases.map(([tokens, sizes], i) => ({ seed: i + 1, tokens, sizes })))(
    'case $seed draws the same tokens from as many candidates',
    ({ seed, tokens, sizes }) => {
      const { options, vocabulary, history, steps } = chainCase(seed);
      const sampler = createSampler(options, vocabulary);
      for (const id of history) sampler.accept(id);
      const drawn = steps.map((logits) => {
        const { id, candidates } = sampler.sample(logits, undefined, { topCandidates: vocabulary.size });
        sampler.accept(id);
        return { id, size: candidates?.length };
      });
      expect(drawn.map(({ id }) => id)).toEqual(tokens);
      expect(drawn.map(({ size }) => size)).toEqual(sizes);
    },
  );
});
