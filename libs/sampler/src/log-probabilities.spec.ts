import { logProbabilities, promptLogProbabilities } from './log-probabilities.js';

describe('logProbabilities', () => {
  const logits = Float32Array.from([0.1, 0.5, 0.2, 0.2], (p) => Math.log(p) + 7);

  it('says how likely a token was, its rank, and what was likely instead', () => {
    const { id, logProbability, rank, top } = logProbabilities(logits, 2, 3);
    expect([id, rank]).toEqual([2, 1]);
    expect(Math.exp(logProbability)).toBeCloseTo(0.2, 6);
    expect(top.map((one) => one.id)).toEqual([1, 2, 3]);
    expect(Math.exp(top[0].logProbability)).toBeCloseTo(0.5, 6);
  });

  it('gives probabilities that sum to 1 in double precision, over a full vocabulary', () => {
    const many = Float32Array.from({ length: 50000 }, (_, i) => Math.sin(i) * 20);
    const { top } = logProbabilities(many, 0, 50000 / 100);
    const all = logProbabilities(many, 0, 0);
    expect(top).toHaveLength(500);
    let sum = 0;
    for (const logit of many) sum += Math.exp(logit - many[0] + all.logProbability);
    expect(Math.abs(sum - 1)).toBeLessThan(1e-10);
    for (let i = 1; i < top.length; i++) expect(top[i].logProbability <= top[i - 1].logProbability).toBe(true);
  });

  it('knows tokens that cannot come', () => {
    expect(logProbabilities(Float32Array.of(1, -Infinity), 1).logProbability).toBe(-Infinity);
    expect(logProbabilities(Float32Array.of(1, -Infinity), 0).logProbability).toBe(0);
  });

  it('gives all tokens where more are asked for than there are', () => {
    expect(logProbabilities(logits, 0, 10).top).toHaveLength(4);
  });

  it('refuses a token that is none', () => {
    expect(() => logProbabilities(logits, 4)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });
});

describe('promptLogProbabilities', () => {
  it('gives each token what the one before predicted of it, and the first one nothing', () => {
    const rows = Float32Array.of(0, 1, 2, 5, 0, 0, 9, 9, 9);
    const [first, second, third] = promptLogProbabilities(rows, [0, 2, 0], 3, 1);
    expect(first).toBeNull();
    expect(second).toEqual(logProbabilities(rows.slice(0, 3), 2, 1));
    expect(third).toEqual(logProbabilities(rows.slice(3, 6), 0, 1));
  });

  it('refuses too few rows', () => {
    expect(() => promptLogProbabilities(new Float32Array(3), [0, 1, 2], 3)).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    );
  });
});
