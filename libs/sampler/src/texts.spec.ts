import { dry as plainDry } from '../test/naive-stages.js';
import { Candidates } from './candidates.js';
import { dryBreakers } from './dry-breakers.js';
import { samplerDefaults } from './model-defaults.js';
import { createSampler } from './sampler.js';
import { DryStage } from './stages/dry.js';
import type { SamplerVocabulary } from './vocabulary.js';

/** Tokens: single letters, some words, a control token. */
const WORDS = ['a', 'b', 'c', 'ab', 'bc', 'abc', ' a', 'xab', '\n', '<end>', 'cab', 'y'];
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const encode = (text: string): number[] => Array.from(text, (letter) => WORDS.indexOf(letter));
const vocabulary: SamplerVocabulary = {
  size: WORDS.length,
  endOfGeneration: new Set([9]),
  bytesOf: (id) => bytes(id === 9 ? '' : WORDS[id]),
  literalBytesOf: (id) => bytes(WORDS[id]),
  encode,
};

describe("DRY's sequence breakers", () => {
  it('are the tokens that hold them, and those that begin them with what must follow', () => {
    const breakers = dryBreakers(['abc'], vocabulary);
    expect(Object.fromEntries(breakers)).toEqual({ 5: [[]], 0: [[1, 2]], 3: [[2]], 6: [[1, 2]], 7: [[2]], 10: [[2]] });
  });

  it('may be control tokens', () => {
    expect([...dryBreakers(['<end>'], vocabulary).keys()]).toEqual([9]);
  });

  it('do not see the space that the encoder adds', () => {
    expect([...dryBreakers([' a'], vocabulary).keys()]).toEqual([6]);
    expect([...dryBreakers([' a'], { ...vocabulary, addsSpacePrefix: true }).keys()]).toEqual([]);
  });

  it('may be empty, too long, or several', () => {
    expect(dryBreakers([''], vocabulary).size).toBe(0);
    expect([...dryBreakers(['\n', 'y'], vocabulary).keys()]).toEqual([8, 11]);
    expect(dryBreakers(['a'.repeat(100)], vocabulary).get(0)?.[0]).toHaveLength(20);
  });

  it('need the bytes of tokens', () => {
    const bare = { size: 3, endOfGeneration: new Set<number>() };
    expect(() => createSampler({ dryMultiplier: 1 }, bare)).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    );
    expect(() => createSampler({ dryMultiplier: 0 }, bare)).not.toThrow();
  });

  it('end repetitions', () => {
    const settings = { multiplier: 1, base: 2, allowedLength: 1, lastN: 100 };
    const history = encode('abyabcaby');
    for (const [texts, sinceBreaker] of [
      [['\n'], Infinity],
      [['b'], 1],
      [['by'], 0],
      [['bc'], 3],
      [['y'], 0],
    ] as const) {
      const stage = new DryStage(settings, dryBreakers(texts, vocabulary));
      for (const id of history) stage.accept(id);
      const candidates = new Candidates(WORDS.length);
      candidates.load(new Float32Array(WORDS.length));
      stage.apply(candidates);
      const plain = plainDry(
        WORDS.map((_, id) => ({ id, logit: 0 })),
        history,
        settings,
        sinceBreaker,
      ).map(({ id, logit }) => (texts.some((text) => WORDS[id].includes(text)) ? 0 : logit));
      expect([...candidates.logits]).toEqual(plain);
    }
  });
});

describe('banned strings', () => {
  const reachable = (bannedStrings: string[], history: string): string[] => {
    const sampler = createSampler({ bannedStrings, temperature: 1, topK: 0, topP: 1, minP: 0 }, vocabulary);
    for (const id of encode(history)) sampler.accept(id);
    const { candidates = [] } = sampler.sample(new Float32Array(WORDS.length), undefined, { topCandidates: 99 });
    return candidates.filter(({ probability }) => probability > 0).map(({ id }) => WORDS[id]);
  };

  it('ban tokens that contain one, and tokens that complete one', () => {
    expect(reachable(['ab'], '')).toEqual(['a', 'b', 'c', 'bc', ' a', '\n', '<end>', 'y']);
    expect(reachable(['ab'], 'ca')).toEqual(['a', 'c', ' a', '\n', '<end>', 'y']);
    expect(reachable(['abca'], 'abc')).toEqual(['b', 'c', 'bc', ' a', 'xab', '\n', '<end>', 'cab', 'y']);
    expect(reachable(['y', 'c'], '')).toEqual(['a', 'b', 'ab', ' a', 'xab', '\n', '<end>']);
    expect(reachable([''], '')).toHaveLength(WORDS.length);
  });

  it('never come up, however hot the draw', () => {
    const sampler = createSampler(
      { seed: 1, bannedStrings: ['abc', 'ca', 'bb'], temperature: 3, topK: 0, topP: 1, minP: 0 },
      vocabulary,
    );
    const row = Float32Array.from(WORDS, (_, id) => (id < 6 ? 2 : 0));
    let text = '';
    for (let i = 0; i < 2000; i++) {
      const { id } = sampler.sample(row);
      sampler.accept(id);
      text += id === 9 ? '' : WORDS[id];
    }
    expect(text.length).toBeGreaterThan(2000);
    expect(/abc|ca|bb/.test(text)).toBe(false);
  });

  it('need the bytes of tokens', () => {
    expect(() => createSampler({ bannedStrings: ['a'] }, { size: 3, endOfGeneration: new Set() })).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    );
  });
});

describe('infill', () => {
  const infilled = (logits: number[]): string[] => {
    const { candidates = [] } = createSampler({ samplers: ['infill'] }, vocabulary).sample(
      Float32Array.from(logits),
      undefined,
      { topCandidates: 99 },
    );
    return candidates.map(({ id }) => WORDS[id]);
  };
  const low = WORDS.map(() => -20);

  it('ends where ending is likely enough', () => {
    expect(infilled(low.with(0, 2).with(9, 1))).toEqual(['<end>']);
    expect(infilled(low)).toEqual(['<end>']);
  });

  it('counts tokens with the same beginning as the most likely of them, and drops the unlikely ones', () => {
    const logits = WORDS.map(() => -Infinity)
      .with(9, -20)
      .with(0, 1)
      .with(3, 1.2)
      .with(11, 1.5)
      .with(2, -2);
    expect(infilled(logits).sort()).toEqual(['<end>', 'ab', 'y']);
    expect(infilled(logits.with(11, 0.5)).sort()).toEqual(['<end>', 'ab']);
  });
});

describe('samplerDefaults', () => {
  it("reads a model file's recommendations", () => {
    const metadata = new Map<string, unknown>([
      ['general.sampling.temp', 0.5],
      ['general.sampling.top_k', '20'],
      ['general.sampling.penalty_last_n', 32n],
      ['general.sampling.sequence', 'top_k;banana;temperature'],
      ['general.sampling.min_p', 'none'],
    ]);
    expect(samplerDefaults(metadata)).toEqual({
      temperature: 0.5,
      topK: 20,
      repeatLastN: 32,
      samplers: ['top_k', 'temperature'],
    });
    expect(samplerDefaults(new Map())).toEqual({});
  });
});
