import fc from 'fast-check';
import { parseRegex } from '../regex/parse-regex.js';
import { regexDfa } from '../regex/regex-dfa.js';
import {
  ALL_TEXTS,
  complement,
  countTexts,
  enumerateTexts,
  intersect,
  isAllTexts,
  isEmpty,
  lengthBetween,
  NO_TEXT,
  subtract,
  union,
  wordsOf,
} from './algebra.js';
import type { Dfa } from './dfa.js';

const pattern = fc
  .array(fc.constantFrom('a', 'b', '[ab]', '.', '(ab)*', 'a?', '(a|bb)+', '😀', '[^b]'), { maxLength: 4 })
  .map((parts) => parts.join(''));
const text = fc.stringMatching(/^[ab\u{1F600}\n]{0,5}$/u);
const language = (source: string): Dfa => regexDfa(parseRegex(source), 'full');

describe('languages', () => {
  it('unite, intersect, subtract and complement as sets', () => {
    fc.assert(
      fc.property(pattern, pattern, fc.array(text, { maxLength: 12 }), (p, q, texts) => {
        const [a, b] = [language(p), language(q)];
        const [both, either, rest, other] = [intersect(a, b), union(a, b), subtract(a, b), complement(a)];
        for (const one of texts) {
          const [inA, inB] = [a.accepts(one), b.accepts(one)];
          expect([both, either, rest, other].map((dfa) => dfa.accepts(one))).toEqual([
            inA && inB,
            inA || inB,
            inA && !inB,
            !inA,
          ]);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('never hold half of a surrogate pair', () => {
    for (const dfa of [ALL_TEXTS, complement(language('a')), language('[^a]'), complement(wordsOf(['x']))])
      expect(dfa.accepts('\ud800')).toBe(false);
    expect(isEmpty(wordsOf(['\udc00']))).toBe(true);
  });

  it('count and list their texts', () => {
    expect(enumerateTexts(wordsOf(['b', 'a', 'abc', '']), 10)).toEqual(['', 'a', 'abc', 'b']);
    expect(enumerateTexts(language('[ab]{2}'), 3)).toBeUndefined();
    expect(enumerateTexts(NO_TEXT, 3)).toEqual([]);
    const counts = ['[ab]{0,3}', 'a*', 'a|bc', '(a|b)c?']
      .map((source) => language(source))
      .map((dfa) => countTexts(dfa)[dfa.start]);
    expect(counts).toEqual([15, Infinity, 2, 4]);
  });

  it('know when they are empty or all', () => {
    expect([
      isEmpty(intersect(language('a+'), language('b+'))),
      isAllTexts(union(language('a*'), complement(language('a*')))),
      isEmpty(lengthBetween(3, 2)),
    ]).toEqual([true, true, true]);
    expect([isAllTexts(lengthBetween(1)), isAllTexts(lengthBetween(0))]).toEqual([false, true]);
  });

  it('measure lengths in code points', () => {
    const dfa = lengthBetween(1, 2);
    expect(['', 'a', '😀😀', 'abc'].map((one) => dfa.accepts(one))).toEqual([false, true, true, false]);
  });
});
