import fc from 'fast-check';
import { Candidates } from './candidates.js';

function loaded(logits: readonly number[]): Candidates {
  const candidates = new Candidates(logits.length);
  candidates.load(Float32Array.from(logits));
  return candidates;
}

const idsOf = ({ ids, size }: Candidates): number[] => [...ids.subarray(0, size)];

describe('Candidates', () => {
  it('begins with every token of the vocabulary, in order, and copies the logits', () => {
    const logits = Float32Array.from([1, 3, 2]);
    const candidates = new Candidates(3);
    candidates.load(logits);
    candidates.logits[0] = 9;
    expect(idsOf(candidates)).toEqual([0, 1, 2]);
    expect([...logits]).toEqual([1, 3, 2]);
  });

  it('begins anew after anything that moved candidates', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 2, maxLength: 300 }),
        fc.integer({ min: 0, max: 4 }),
        (logits, action) => {
          const candidates = loaded(logits);
          if (action === 0) candidates.sort();
          if (action === 1) candidates.keepTop(1 + (logits.length >> 1));
          if (action === 2) candidates.dropFirst(1);
          if (action === 3) candidates.keepAtLeast(0, 1);
          if (action === 4) candidates.overwrite(0, 1, 5);
          candidates.load(Float32Array.from(logits));
          expect(idsOf(candidates)).toEqual(logits.map((_, i) => i));
          expect([...candidates.logits]).toEqual(logits);
          expect(candidates.sorted).toBe(false);
          expect(candidates.inVocabularyOrder).toBe(true);
        },
      ),
    );
  });

  it.each([1, 2, 100, 128, 129, 250])('keeps the %i largest, sorted', (count) => {
    const logits = Array.from({ length: 250 }, (_, i) => ((i * 7919) % 251) / 8 - 15);
    const candidates = loaded(logits);
    candidates.keepTop(count);
    expect([...candidates.logits.subarray(0, candidates.size)]).toEqual(
      [...logits].sort((a, b) => b - a).slice(0, count),
    );
    expect(idsOf(candidates).map((id) => logits[id])).toEqual([...candidates.logits.subarray(0, candidates.size)]);
    expect(candidates.sorted).toBe(true);
  });

  it('sorts infinite logits too, by heap and by buckets', () => {
    for (const length of [20, 400]) {
      const candidates = loaded(Array.from({ length }, (_, i) => (i % 3 === 0 ? -Infinity : i)));
      candidates.sort();
      expect(candidates.logits[0]).toBe(length % 3 === 1 ? length - 2 : length - 1);
      expect(candidates.logits[length - 1]).toBe(-Infinity);
    }
  });

  it('finds a token wherever it is', () => {
    const candidates = loaded([5, 1, 4, 2]);
    expect(candidates.indexOf(2)).toBe(2);
    expect(candidates.indexOf(4)).toBeUndefined();
    candidates.keepTop(3);
    expect([0, 1, 2, 3].map((id) => candidates.indexOf(id))).toEqual([0, undefined, 1, 2]);
  });

  it('counts without removing when too few candidates reach the limit', () => {
    const candidates = loaded([5, 1, 4, 2]);
    expect(candidates.keepAtLeast(4, 3)).toBe(2);
    expect(candidates.size).toBe(4);
    expect(candidates.keepAtLeast(4, 2)).toBe(2);
    expect(idsOf(candidates)).toEqual([0, 2]);
  });

  it('gives probabilities that sum to 1', () => {
    const candidates = loaded([0, Math.log(2), Math.log(5)]);
    candidates.softmax();
    [1 / 8, 2 / 8, 5 / 8].forEach((expected, i) => expect(candidates.probabilities[i]).toBeCloseTo(expected, 6));
  });

  it('takes away what a mask does not allow', () => {
    const candidates = loaded(Array.from({ length: 40 }, (_, i) => i));
    candidates.applyMask({ words: Uint32Array.of(1 << 3, 1 << 7), vocabSize: 40 });
    expect([...candidates.logits].flatMap((logit, id) => (logit === -Infinity ? [] : [id]))).toEqual([3, 39]);
  });

  it('leaves out what a row holds beyond the vocabulary', () => {
    const candidates = new Candidates(2);
    candidates.load(Float32Array.of(1, 2, 9));
    expect([candidates.size, ...candidates.logits]).toEqual([2, 1, 2]);
  });

  it('refuses too few logits', () => {
    expect(() => new Candidates(3).load(new Float32Array(2))).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    );
  });
});
