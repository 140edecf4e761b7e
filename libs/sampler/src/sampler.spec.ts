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
    mask: () => (
      constraint.masked++, { words: Uint32Array.of(ids.reduce((bits, id) => bits | (1 << id), 0)), vocabSize: 8 }
    ),
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
    expect(
      createSampler({ samplers, xtcProbability: 0.5, repeatPenalty: 1.1, logitBias: { a: 1 } }, vocabulary).stages,
    ).toEqual(['logitBias', 'temperature', 'xtc', 'minP', 'penalties', 'topK', 'topK', 'draw']);
    expect(createSampler({}, vocabulary).stages).toEqual(['topK', 'topP', 'minP', 'temperature', 'draw']);
    expect(createSampler({ mirostat: 1 }, vocabulary).stages).toEqual(['temperature', 'mirostat']);
    expect(createSampler({ mirostat: 2, samplers: ['top_k'] }, vocabulary).stages).toEqual([
      'temperature',
      'mirostatV2',
    ]);
    expect(createSampler({ samplers: ['adaptiveP', 'topK'] }, vocabulary).stages).toEqual(['topK', 'adaptiveP']);
    expect(createSampler({ samplers: [] }, vocabulary).stages).toEqual(['draw']);
  });

  it('applies the stages in the order given', () => {
    // Top-p first keeps two tokens of these logits, top-p after a high temperature keeps more.
    const count = (samplers: string[]): number | undefined =>
      createSampler({ samplers, topP: 0.6, temperature: 50 }, vocabulary).sample(logits, undefined, {
        topCandidates: 8,
      }).candidates?.length;
    expect(count(['top_p', 'temperature'])).toBe(2);
    expect(count(['temperature', 'top_p'])).toBe(5);
  });

  it('never ends when told to ignore the end', () => {
    const tokens = generate(
      createSampler({ seed: 1, temperature: 5, minP: 0, topP: 1, ignoreEos: true }, vocabulary),
      300,
    );
    expect(tokens.some((id) => id >= 6)).toBe(false);
  });

  it('never draws tokens that the model suppresses', () => {
    const tokens = generate(
      createSampler({ seed: 1, temperature: 5, minP: 0, topP: 1 }, { ...vocabulary, suppressed: [1, 3] }),
      300,
    );
    expect(tokens.includes(1) || tokens.includes(3)).toBe(false);
  });

  it('takes biases by id and by text', () => {
    const greedy = (logitBias: SamplerOptions['logitBias']): number =>
      createSampler({ temperature: 0, logitBias }, vocabulary).sample(logits).id;
    expect(greedy([[5, 9]])).toBe(5);
    expect(greedy([['f', 9]])).toBe(5);
    expect(greedy({ 5: 9 })).toBe(5);
    expect(greedy({ f: 9 })).toBe(5);
    for (const name of ['constructor', 'prototype', '__proto__']) {
      const biased = createSampler(
        { temperature: 0, logitBias: JSON.parse(`{"${name}": 9}`) },
        { ...vocabulary, encode: (text) => (text === name ? [4] : []) },
      );
      expect(biased.sample(logits).id).toBe(4);
    }
    expect(
      greedy([
        [1, false],
        ['g', false],
      ]),
    ).toBe(3);
    // Of an object's keys whole numbers are ids, and all others texts.
    for (const [key, isText] of [
      ['5', false],
      [' +5', false],
      ['1.5', true],
      ['5 ', true],
      ['0x5', true],
      ['5e0', true],
    ] as const) {
      const encode = (text: string): number[] => (text === key ? [4] : []);
      expect([
        key,
        createSampler({ temperature: 0, logitBias: { [key]: 9 } }, { ...vocabulary, encode }).sample(logits).id,
      ]).toEqual([key, isText ? 4 : 5]);
    }
  });

  it.each<[unknown, string]>([
    [[[99, 9]], 'logitBias[0][0]'],
    [
      [
        [1, 1],
        [-1, 9],
      ],
      'logitBias[1][0]',
    ],
    [[[1.5, 9]], 'logitBias[0][0]'],
    [[[null, 9]], 'logitBias[0][0]'],
    [[[1, '9']], 'logitBias[0][1]'],
    [[[1, true]], 'logitBias[0][1]'],
    [[['', 9]], 'logitBias[0][0]'],
    [[['z', 9]], 'logitBias[0][0]'],
    [[['\u2603', 9]], 'logitBias[0][0]'],
    [[1000], 'logitBias[0]'],
    [[false], 'logitBias[0]'],
    [['ab'], 'logitBias[0]'],
    [[[1]], 'logitBias[0]'],
    [[[1, 2, 3]], 'logitBias[0]'],
    [{ 8: 1 }, 'logitBias.8'],
    [{ '-1': 1 }, 'logitBias.-1'],
    [{ constructor: 1 }, 'logitBias.constructor'],
    [{ prototype: 1 }, 'logitBias.prototype'],
    [JSON.parse('{"__proto__": null}'), 'logitBias.__proto__'],
    [{ a: null }, 'logitBias.a'],
    [{ '': 1 }, 'logitBias.'],
    [new Map([[1, 2]]), 'logitBias'],
    ['a', 'logitBias'],
    [5, 'logitBias'],
    [true, 'logitBias'],
  ])('refuses the biases %j, naming %s', (logitBias, param) => {
    const cannotSpell = {
      ...vocabulary,
      unknownToken: 3,
      encode: (text: string) => Array.from(text, (letter) => (letter === '\u2603' ? 3 : 'abcefgh'.indexOf(letter))),
    };
    expect(() => createSampler({ logitBias: logitBias as SamplerOptions['logitBias'] }, cannotSpell)).toThrow(
      expect.objectContaining({
        code: 'invalid_argument',
        details: expect.objectContaining({ param }),
        message: expect.stringContaining(param),
      }),
    );
  });

  it('refuses biases by text where the vocabulary cannot encode', () => {
    expect(() => createSampler({ logitBias: { f: 9 } }, { size: 8, endOfGeneration: new Set() })).toThrow(
      expect.objectContaining({ details: expect.objectContaining({ param: 'logitBias.f' }) }),
    );
  });

  it('cuts long keys of refused biases', () => {
    const refusal = expect.objectContaining({ message: expect.stringMatching(/^.{1,300}$/) });
    expect(() => createSampler({ logitBias: { ['z'.repeat(1e6)]: 1 } }, vocabulary)).toThrow(refusal);
    expect(() => createSampler({ logitBias: [['z'.repeat(1e6), 1]] }, vocabulary)).toThrow(refusal);
  });

  it.each<[SamplerOptions['samplers'], string, string | undefined]>([
    [['top_k', 'topp'], '', undefined],
    [['top_k', 'tempreature'], 'samplers[1]', 'temperature'],
    [['min_q'], 'samplers[0]', 'min_p'],
    [['minq'], 'samplers[0]', 'minP'],
    [['logit_biass'], 'samplers[0]', undefined],
    [['constructor'], 'samplers[0]', undefined],
    [['x'.repeat(1e6)], 'samplers[0]', undefined],
    ['kqp', 'samplers', undefined],
  ])('refuses stages that nobody knows: %j', (samplers, param, nearest) => {
    const make = (options: SamplerOptions) => () => createSampler({ samplers, ...options }, vocabulary);
    if (param === '') return expect(make({})).not.toThrow();
    for (const mirostat of [0, 2]) {
      const details = expect.objectContaining({ param, ...(nearest !== undefined && { nearest }) });
      expect(make({ mirostat })).toThrow(
        expect.objectContaining({ code: 'invalid_argument', details, message: expect.stringMatching(/^.{1,400}$/) }),
      );
    }
  });

  it('takes a whole history into account for windows of -1', () => {
    const first = (lastN: number): number => {
      const sampler = createSampler({ temperature: 0, presencePenalty: 100, repeatLastN: lastN }, vocabulary);
      for (const id of [1, ...Array.from({ length: 500 }, () => 6)]) sampler.accept(id);
      return sampler.sample(logits).id;
    };
    expect([64, 0, -1].map(first)).toEqual([1, 1, 3]);
    const dry = createSampler(
      { temperature: 0, dryMultiplier: 100, dryPenaltyLastN: -1, dryAllowedLength: 2 },
      { ...vocabulary, size: 8 },
    );
    for (const id of [2, 4, 1, ...Array.from({ length: 300 }, (_, i) => 5 + (i % 3)), 2, 4]) dry.accept(id);
    expect(dry.sample(logits).id).toBe(6);
    const again = createSampler(
      { temperature: 0, dryMultiplier: 100, dryPenaltyLastN: -1, dryAllowedLength: 2 },
      vocabulary,
    );
    again.restore(dry.save());
    expect(again.sample(logits).id).toBe(6);
  });

  it.each([1e-38, 1e-39, 1e-42, 1e-44, 1e-45, 1e-46, 1e-300])('is greedy at a temperature of %p', (value) => {
    for (const own of [
      {},
      { samplers: ['temperature'] },
      { samplers: 't' },
      { mirostat: 1 },
      { mirostat: 2 },
      { samplers: ['temperature', 'xtc'], xtcProbability: 1 },
      { dynatempRange: 1e-45 },
      { samplers: ['temperature', 'adaptive_p'], adaptiveTarget: 0.3 },
    ]) {
      expect(generate(createSampler({ seed: 1, temperature: value, ...own }, vocabulary), 5)).toEqual([1, 1, 1, 1, 1]);
      expect(
        createSampler({ temperature: value, ...own }, vocabulary).sample(logits.map((logit) => logit - 100)),
      ).toMatchObject({ id: 1, probability: 1 });
    }
  });

  it('draws from the logits that went beyond all numbers, if some did', () => {
    const beyond: SamplerOptions[] = [
      {
        logitBias: [
          [5, 3e38],
          [5, 3e38],
        ],
      },
      { logitBias: { 5: Infinity } },
      { repeatPenalty: 1e-38, repeatLastN: 1 },
      { frequencyPenalty: -3e38 },
    ];
    for (const options of beyond) {
      for (const own of [{}, { samplers: ['penalties', 'temperature'] }, { mirostat: options.logitBias ? 2 : 0 }]) {
        const sampler = createSampler({ seed: 1, temperature: 1, ...options, ...own }, vocabulary);
        for (const id of [5, 5]) sampler.accept(id);
        expect(sampler.sample(logits.with(5, 10)).id).toBe(5);
      }
    }
  });

  it('gives the candidates of the draw, most likely first', () => {
    const {
      id,
      probability,
      candidates = [],
    } = createSampler({ seed: 2, temperature: 1, topK: 3, minP: 0, topP: 1 }, vocabulary).sample(logits, undefined, {
      topCandidates: 10,
    });
    expect(candidates.map((candidate) => candidate.id)).toEqual([1, 6, 3]);
    expect(candidates.reduce((sum, candidate) => sum + candidate.probability, 0)).toBeCloseTo(1, 6);
    expect(candidates.find((candidate) => candidate.id === id)?.probability).toBe(probability);
  });

  it('refuses to draw where nothing can be drawn', () => {
    const everything = Array.from({ length: 8 }, (_, id) => [id, false] as const);
    expect(() => createSampler({ logitBias: everything }, vocabulary).sample(logits)).toThrow(
      expect.objectContaining({ code: 'unprocessable' }),
    );
    expect(() => createSampler({ topK: 1, logitBias: everything }, vocabulary).sample(logits)).toThrow(
      expect.objectContaining({ code: 'unprocessable' }),
    );
    expect(() => createSampler({ mirostat: 2, logitBias: everything }, vocabulary).sample(logits)).toThrow(
      expect.objectContaining({ code: 'unprocessable' }),
    );
    expect(() => createSampler({}, vocabulary).sample(new Float32Array(8).fill(NaN))).toThrow(
      expect.objectContaining({ code: 'unprocessable' }),
    );
    for (let id = 0; id < 8; id++)
      expect(() => createSampler({ temperature: 1, samplers: [] }, vocabulary).sample(logits.with(id, NaN))).toThrow(
        expect.objectContaining({ code: 'unprocessable' }),
      );
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
    const tokens = generate(
      createSampler({ seed: 5, temperature: 10, topK: 2, xtcProbability: 0.5 }, vocabulary),
      200,
      allowing(4, 5),
    );
    expect(new Set(tokens)).toEqual(new Set([4, 5]));
  });

  it('fails rather than choose a token that is not allowed', () => {
    expect(() => createSampler({}, vocabulary).sample(logits, allowing())).toThrow(
      expect.objectContaining({ code: 'unprocessable' }),
    );
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
    expect(() => createSampler({}, vocabulary).restore(state)).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    );
  });
});

describe('memory', () => {
  it('is not allocated in typed arrays for a token', () => {
    const everything: SamplerOptions = {
      seed: 1,
      repeatPenalty: 1.1,
      dryMultiplier: 0.5,
      topNSigma: 2,
      typicalP: 0.95,
      xtcProbability: 0.3,
      dynatempRange: 0.3,
      bannedStrings: ['ab'],
    };
    const samplers = [
      everything,
      { seed: 1, mirostat: 1 },
      { seed: 1, mirostat: 2 },
      { seed: 1, topK: 0, minP: 0 },
    ].map((params) => createSampler(params, vocabulary));
    for (const sampler of samplers) generate(sampler, 200);
    let made = 0;
    const kinds = ['Float32Array', 'Float64Array', 'Int32Array', 'Uint32Array', 'Uint8Array'] as const;
    const originals = kinds.map((kind) => globalThis[kind]);
    const globals = globalThis as unknown as Record<string, unknown>;
    kinds.forEach((kind, i) => {
      globals[kind] = new Proxy(originals[i], {
        construct: (target, args, self) => (made++, Reflect.construct(target, args, self) as object),
      });
    });
    try {
      for (const sampler of samplers) generate(sampler, 200);
    } finally {
      kinds.forEach((kind, i) => (globals[kind] = originals[i]));
    }
    expect(made).toBe(0);
  });
});
