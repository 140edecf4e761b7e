import fc from 'fast-check';
import { RepeatFinder } from './repeat-finder.js';

const predict = (finder: RepeatFinder, limit = 8): { tokens: number[]; chances: number[] } => {
  const tokens: number[] = [];
  const chances: number[] = [];
  finder.predict(limit, tokens, chances);
  return { tokens, chances };
};
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

describe('RepeatFinder', () => {
  it('expects what followed where the end of the text was before', () => {
    const finder = new RepeatFinder([...range(0, 40), 99, ...range(0, 13)]);
    expect(predict(finder).tokens).toEqual(range(13, 21));
    finder.push(13);
    expect(finder.match).toBe(14);
    expect(predict(finder, 3).tokens).toEqual([14, 15, 16]);
  });

  it('expects nothing of a text that has not repeated itself', () => {
    const finder = new RepeatFinder(range(0, 100));
    for (const token of range(100, 200)) {
      finder.push(token);
      expect(predict(finder).tokens).toEqual([]);
    }
  });

  it('goes on behind a change, at the place where it was', () => {
    const text = range(0, 60);
    // The same three tokens stand elsewhere, later, with another continuation.
    const finder = new RepeatFinder([...text, 90, 31, 32, 33, 91, 92, 93, 94]);
    for (const token of [...range(0, 30), 70, 31, 32, 33]) finder.push(token);
    expect(predict(finder, 4).tokens).toEqual([34, 35, 36, 37]);
  });

  it('takes a match up again with the first token that is the same, where as many were put in the place of others', () => {
    const text = range(0, 300);
    const finder = new RepeatFinder(text);
    const chances: number[] = [];
    for (let at = 0; at < 200; at += 20) {
      expect(finder.match).toBe(0);
      finder.push(text[at]);
      if (at > 0) {
        const ahead = predict(finder, 4);
        expect(ahead.tokens).toEqual(text.slice(at + 1, at + 5));
        chances.push(ahead.chances[0]);
      }
      for (const token of [...text.slice(at + 1, at + 15), ...range(500 + at, 505 + at)]) finder.push(token);
    }
    expect(chances[0]).toBeLessThan(0.6);
    expect(chances.at(-1)!).toBeGreaterThan(0.8);
  });

  it('takes the longest of several matches', () => {
    const finder = new RepeatFinder([1, 2, 3, 4, 5, 6, 50, 9, 4, 5, 6, 60, 9, 9, 1, 2, 3, 4, 5, 6]);
    expect(predict(finder, 1).tokens).toEqual([50]);
  });

  it('goes on with a period beyond the end of the text', () => {
    expect(predict(new RepeatFinder(Array.from({ length: 30 }, (_, i) => 7 + (i % 3)))).tokens).toEqual([
      7, 8, 9, 7, 8, 9, 7, 8,
    ]);
  });

  it('learns that matches are worth little where they do not come true, and much where they do', () => {
    const finder = new RepeatFinder([]);
    let rate = 1;
    for (let round = 0; round < 40; round++) {
      for (const token of [1, 2, 3]) finder.push(token);
      rate = predict(finder, 1).chances[0] ?? 0;
      finder.push(1000 + round);
    }
    expect(rate).toBeLessThan(0.1);
    const good = new RepeatFinder(range(0, 200));
    for (const token of range(0, 100)) good.push(token);
    expect(predict(good).chances.at(-1)).toBeGreaterThan(0.8);
  });

  it('whatever the text, predicts as many tokens as chances, these falling, and what followed an earlier place with the same end', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3), { maxLength: 60 }), fc.array(fc.nat(3), { maxLength: 200 }), (before, after) => {
        const finder = new RepeatFinder(before);
        const text = [...before];
        for (const token of after) {
          finder.push(token);
          text.push(token);
          const { tokens, chances } = predict(finder, 5);
          expect(chances).toHaveLength(tokens.length);
          chances.forEach((chance, i) => expect(chance > 0 && chance <= (chances[i - 1] ?? 1)).toBe(true));
          if (tokens.length === 0) continue;
          const same = Math.min(3, finder.match);
          const end = text.slice(-same).join();
          const followers = text.flatMap((one, i) =>
            i >= same && text.slice(i - same, i).join() === end ? [one] : [],
          );
          expect(followers).toContain(tokens[0]);
        }
      }),
    );
  });
});
