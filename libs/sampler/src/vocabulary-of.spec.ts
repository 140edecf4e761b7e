import { vocabularyOf, type VocabularySource } from './vocabulary-of.js';

const WORDS = ['a', ' b', '<end>', '</s>'];

function source(dropsSpace: boolean): VocabularySource {
  return {
    vocabSize: WORDS.length,
    special: { endOfGeneration: new Set([2, 3]), eos: 3, eot: 2 },
    tokenBytes: (id) => new TextEncoder().encode(id < 2 ? WORDS[id] : ''),
    tokenText: (id) => WORDS[id],
    isControl: (id) => id >= 2,
    encode: (text) => Array.from(text, (letter) => WORDS.indexOf(letter)),
    decode: ([id]: number[]) => (dropsSpace ? WORDS[id].trimStart() : WORDS[id]),
  };
}

const textOf = (bytes?: Uint8Array): string => new TextDecoder().decode(bytes);

describe('vocabularyOf', () => {
  it('spells out control tokens where they may be named, and leaves them out of text', () => {
    const vocabulary = vocabularyOf(source(false));
    expect([1, 2].map((id) => textOf(vocabulary.bytesOf?.(id)))).toEqual([' b', '']);
    expect([1, 2].map((id) => textOf(vocabulary.literalBytesOf?.(id)))).toEqual([' b', '<end>']);
    expect(vocabulary).toMatchObject({ size: 4, endToken: 2, suppressed: [] });
    expect(vocabulary.encode?.('a')).toEqual([0]);
  });

  it('notices whether texts begin with an added space', () => {
    expect([true, false].map((drops) => vocabularyOf(source(drops)).addsSpacePrefix)).toEqual([true, false]);
  });

  it('reads the tokens never to draw, in any array, and leaves out those that are none', () => {
    const suppressed = (value: unknown): readonly number[] | undefined =>
      vocabularyOf(source(false), new Map([['tokenizer.ggml.suppress_tokens', value]])).suppressed;
    expect(suppressed(Int32Array.of(1, 99, -1))).toEqual([1]);
    expect(suppressed([0, 2n])).toEqual([0, 2]);
    expect(suppressed('x')).toEqual([]);
  });
});
