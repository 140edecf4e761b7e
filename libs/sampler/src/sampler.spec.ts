import fc from 'fast-check';
import { chainCase } from '../test/chain-cases.js';
import type { SamplerOptions } from './params.js';
import { createSampler, type Sampler, type TokenConstraint } from './sampler.js';
import type { SamplerVocabulary } from './vocabulary.js';

const vocabulary: SamplerVocabulary = {
  size: 8,
  endOfGeneration: new Set([6, 7]),
  bytesOf: (id) => new TextEncoder().encode('abcdefgh'[id]),
  encode: (text) => Array.from(text, (letter) => 'abcdefgh'.indexOf(letter)),
};
const logits = Float32Array.of(1, 4, 2, 3, 0, -1, 3.5, 0.5);

function generate(sampler: Sampler, steps: number, constraint?: TokenConstraint): number[] {
  return Array.from({ length: steps }, () => {
    const { id } = sampler.sample(logits, constraint);
    sampler.accept(id);
    return id;
  });
}

/** Allows some tokens, whatever came before; counts what is asked of it. */
function allowing(...ids: number[]): TokenConstraint & { tested: number; masked: number } {
  const constraint = {
    tested: 0,
    masked: 0,
    accepts: (id: number) => (constraint.tested++, ids.includes(id)),
    mask: () => (constraint.masked++, { words: Uint32Array.of(ids.reduce((bits, id) => bits | (1 << id), 0)), vocabSize: 8 }),
    advance: () => undefined,
    fork: () => constraint,
  };
  return constraint;
}

describe('createSampler', () => {
  it('takes the most likely token at temperature 0, for any seed', () => {
    expect(generate(createSampler({ temperature: 0 }, vocabulary), 5)).toEqual([1, 1, 1, 1, 1]);
  });

  it('gives the same tokens for the same seed, and does not change the logits', () => {
    const copy = logits.slice();
    const params = { seed: 3, temperature: 2, minP: 0 };
    const tokens = generate(createSampler(params, vocabulary), 50);
    expect(generate(createSampler(params, vocabulary), 50)).toEqual(tokens);
    expect(generate(createSampler({ ...params, seed: 4 }, vocabulary), 50)).not.toEqual(tokens);
    expect(logits).toEqual(copy);
  });

  it('chooses a seed where none is given, and says which', () => {
    const params = { temperature: 3, minP: 0, topP: 1 };
    const seeds = [undefined, null, -1].map((seed) => createSampler({ ...params, seed }, vocabulary));
    expect(new Set(seeds.map(({ seed }) => seed)).size).toBe(3);
    for (const sampler of seeds) {
      const again = createSampler({ ...params, seed: sampler.seed }, vocabulary);
      expect(generate(sampler, 30)).toEqual(generate(again, 30));
    }
  });

  it('names its stages in the order asked for, with what does nothing left out', () => {
    const samplers = ['temperature', 'xtc', 'min_p', 'penalties', 'top_k', 'top_k'];
    expect(createSampler({ samplers, xtcProbability: 0.5, repeatPenalty: 1.1, logitBias: { a: 1 } }, vocabulary).stages).toEqual([
      'logit_bias', 'temperature', 'xtc', 'min_p', 'penalties', 'top_k', 'top_k', 'draw',
    ]);
    expect(createSampler({}, vocabulary).stages).toEqual(['top_k', 'top_p', 'min_p', 'temperature', 'draw']);
    expect(createSampler({ mirostat: 1 }, vocabulary).stages).toEqual(['temperature', 'mirostat']);
    expect(createSampler({ mirostat: 2, samplers: ['top_k'] }, vocabulary).stages).toEqual(['temperature', 'mirostat_v2']);
    expect(createSampler({ samplers: ['adaptive_p', 'top_k'] }, vocabulary).stages).toEqual(['top_k', 'adaptive_p']);
    expect(createSampler({ samplers: [] }, vocabulary).stages).toEqual(['draw']);
  });

  it('applies the stages in the order given', () => {
    // Top-p first keeps two tokens of these logits, top-p after a high temperature keeps more.
    const count = (samplers: string[]): number | undefined =>
      createSampler({ samplers, topP: 0.6, temperature: 50 }, vocabulary).sample(logits, undefined, { topCandidates: 8 }).candidates?.length;
    expect(count(['top_p', 'temperature'])).toBe(2);
    expect(count(['temperature', 'top_p'])).toBe(5);
  });

  it('never ends when told to ignore the end', () => {
    const tokens = generate(createSampler({ seed: 1, temperature: 5, minP: 0, topP: 1, ignoreEos: true }, vocabulary), 300);
    expect(tokens.some((id) => id >= 6)).toBe(false);
  });

  it('never draws tokens that the model suppresses', () => {
    const tokens = generate(createSampler({ seed: 1, temperature: 5, minP: 0, topP: 1 }, { ...vocabulary, suppressed: [1, 3] }), 300);
    expect(tokens.includes(1) || tokens.includes(3)).toBe(false);
  });

  it('takes biases by id and by text', () => {
    const greedy = (logitBias: SamplerOptions['logitBias']): number => createSampler({ temperature: 0, logitBias }, vocabulary).sample(logits).id;
    expect(greedy([[5, 9]])).toBe(5);
    expect(greedy([['f', 9]])).toBe(5);
    expect(greedy({ 5: 9 })).toBe(5);
    expect(greedy({ f: 9 })).toBe(5);
    expect(greedy([[1, false], ['g', false]])).toBe(3);
    expect(greedy([[99, 9], [-1, 9]])).toBe(1);
    expect(() => createSampler({ logitBias: { f: 9 } }, { size: 8, endOfGeneration: new Set() })).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });

  it('gives the candidates of the draw, most likely first', () => {
    const { id, probability, candidates = [] } = createSampler({ seed: 2, temperature: 1, topK: 3, minP: 0, topP: 1 }, vocabulary).sample(logits, undefined, { topCandidates: 10 });
    expect(candidates.map((candidate) => candidate.id)).toEqual([1, 6, 3]);
    expect(candidates.reduce((sum, candidate) => sum + candidate.probability, 0)).toBeCloseTo(1, 6);
    expect(candidates.find((candidate) => candidate.id === id)?.probability).toBe(probability);
  });

  it('refuses to draw where nothing can be drawn', () => {
    const everything = Array.from({ length: 8 }, (_, id) => [id, false] as const);
    expect(() => createSampler({ logitBias: everything }, vocabulary).sample(logits)).toThrow(expect.objectContaining({ code: 'unprocessable' }));
    expect(() => createSampler({ topK: 1, logitBias: everything }, vocabulary).sample(logits)).toThrow(expect.objectContaining({ code: 'unprocessable' }));
    expect(() => createSampler({ mirostat: 2, logitBias: everything }, vocabulary).sample(logits)).toThrow(expect.objectContaining({ code: 'unprocessable' }));
    expect(() => createSampler({}, vocabulary).sample(new Float32Array(8).fill(NaN))).toThrow(expect.objectContaining({ code: 'unprocessable' }));
  });
});

describe('sampling under a constraint', () => {
  it('asks for the mask only when the chosen token is refused', () => {
    const willing = allowing(0, 1, 2, 3, 4, 5, 6, 7);
    expect(generate(createSampler({ temperature: 0 }, vocabulary), 3, willing)).toEqual([1, 1, 1]);
    expect([willing.tested, willing.masked]).toEqual([3, 0]);
    const strict = allowing(2, 5);
    expect(generate(createSampler({ temperature: 0 }, vocabulary), 3, strict)).toEqual([2, 2, 2]);
    expect(strict.masked).toBe(3);
  });

  it('chooses only allowed tokens, for any parameters', () => {
    const tokens = generate(createSampler({ seed: 5, temperature: 10, topK: 2, xtcProbability: 0.5 }, vocabulary), 200, allowing(4, 5));
    expect(new Set(tokens)).toEqual(new Set([4, 5]));
  });

  it('fails rather than choose a token that is not allowed', () => {
    expect(() => createSampler({}, vocabulary).sample(logits, allowing())).toThrow(expect.objectContaining({ code: 'unprocessable' }));
    const banned = createSampler({ logitBias: [[4, false]] }, vocabulary);
    expect(() => banned.sample(logits, allowing(4))).toThrow(expect.objectContaining({ code: 'unprocessable' }));
  });
});

describe('any chain', () => {
  const seeds = fc.integer({ min: 1000, max: 1_000_000 });

  it('goes on alike after a fork and after save and restore', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const { options, vocabulary: words, history, steps } = chainCase(seed);
        const original = createSampler(options, words);
        for (const id of history) original.accept(id);
        const half = steps.length >> 1;
        for (const row of steps.slice(0, half)) original.accept(original.sample(row).id);
        const restored = createSampler(options, words);
        restored.restore(JSON.parse(JSON.stringify(original.save())));
        const rest = (sampler: Sampler): number[] =>
          steps.slice(half).map((row) => {
            const { id } = sampler.sample(row);
            sampler.accept(id);
            return id;
          });
        const fork = original.fork();
        const expected = rest(original);
        expect(rest(fork)).toEqual(expected);
        expect(rest(restored)).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it('leaves a candidate with a probability, and no more than there are tokens', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const { options, vocabulary: words, history, steps } = chainCase(seed);
        const sampler = createSampler(options, words);
        for (const id of history) sampler.accept(id);
        for (const row of steps) {
          const { id, probability, candidates = [] } = sampler.sample(row, undefined, { topCandidates: words.size });
          expect(candidates.length >= 1 && candidates.length <= words.size).toBe(true);
          expect(candidates.some((candidate) => candidate.id === id)).toBe(true);
          expect(probability >= 0 && probability <= 1).toBe(true);
          sampler.accept(id);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('refuses the state of another chain', () => {
    const state = createSampler({ repeatPenalty: 1.1 }, vocabulary).save();
    expect(() => createSampler({}, vocabulary).restore(state)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });
});

describe('memory', () => {
  it('is not allocated in typed arrays for a token', () => {
    const everything: SamplerOptions = {
      seed: 1, repeatPenalty: 1.1, dryMultiplier: 0.5, topNSigma: 2, typicalP: 0.95, xtcProbability: 0.3, dynatempRange: 0.3, bannedStrings: ['ab'],
    };
    const samplers = [everything, { seed: 1, mirostat: 1 }, { seed: 1, mirostat: 2 }, { seed: 1, topK: 0, minP: 0 }].map((params) => createSampler(params, vocabulary));
    for (const sampler of samplers) generate(sampler, 200);
    let made = 0;
    const kinds = ['Float32Array', 'Float64Array', 'Int32Array', 'Uint32Array', 'Uint8Array'] as const;
    const originals = kinds.map((kind) => globalThis[kind]);
    const globals = globalThis as unknown as Record<string, unknown>;
    kinds.forEach((kind, i) => {
      globals[kind] = new Proxy(originals[i], { construct: (target, args, self) => (made++, Reflect.construct(target, args, self) as object) });
    });
    try {
      for (const sampler of samplers) generate(sampler, 200);
    } finally {
      kinds.forEach((kind, i) => (globals[kind] = originals[i]));
    }
    expect(made).toBe(0);
  });
});
