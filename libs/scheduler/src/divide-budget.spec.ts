import fc from 'fast-check';
import { divideBudget } from './divide-budget.js';

const prompts = (...remaining: number[]) => remaining.map((tokens) => ({ remaining: tokens, priority: 0 }));

describe('divideBudget', () => {
  it('gives half to the first and the rest to the shortest', () => {
    expect(divideBudget(prompts(1000, 500, 10, 30), 64)).toEqual([32, 0, 10, 22]);
  });

  it('gives all to one that is alone', () => {
    expect(divideBudget(prompts(1000), 64)).toEqual([64]);
    expect(divideBudget(prompts(20), 64)).toEqual([20]);
    expect(divideBudget([], 64)).toEqual([]);
  });

  it('serves higher priorities first', () => {
    expect(
      divideBudget(
        [
          { remaining: 50, priority: 2 },
          { remaining: 100, priority: 1 },
          { remaining: 5, priority: 0 },
        ],
        64,
      ),
    ).toEqual([50, 14, 0]);
  });

  it('uses all of the budget and gives nobody more than it needs', () => {
    const prompt = fc.record({ remaining: fc.integer({ min: 1, max: 300 }), priority: fc.integer({ min: 0, max: 2 }) });
    fc.assert(
      fc.property(fc.array(prompt, { maxLength: 12 }), fc.nat(400), (unordered, budget) => {
        const ranked = unordered.sort((a, b) => b.priority - a.priority);
        const shares = divideBudget(ranked, budget);
        const total = ranked.reduce((sum, { remaining }) => sum + remaining, 0);
        expect(shares.reduce((sum, share) => sum + share, 0)).toBe(Math.min(budget, total));
        shares.forEach((share, i) => expect(share >= 0 && share <= ranked[i].remaining).toBe(true));
        if (ranked.length > 0)
          expect(shares[0]).toBeGreaterThanOrEqual(Math.min(ranked[0].remaining, Math.ceil(budget / 2)));
      }),
    );
  });
});
