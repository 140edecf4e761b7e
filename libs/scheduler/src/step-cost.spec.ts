import fc from 'fast-check';
import { StepTimeEstimator, predictMs, readsOf } from './step-cost.js';

describe('StepTimeEstimator', () => {
  it('finds the three numbers of a machine from its steps', () => {
    const costs = fc.record({
      stepMs: fc.double({ min: 1, max: 100, noNaN: true }),
      tokenMs: fc.double({ min: 0.1, max: 10, noNaN: true }),
      readMs: fc.double({ min: 1e-4, max: 1e-2, noNaN: true }),
    });
    fc.assert(
      fc.property(costs, (machine) => {
        const estimator = new StepTimeEstimator();
        for (let i = 0; i < 60; i++) {
          const [tokens, reads] = [1 + ((i * 37) % 64), 100 * ((i * 53) % 97)];
          estimator.observe(tokens, reads, predictMs(machine, { steps: 1, tokens, reads }));
        }
        for (const name of ['stepMs', 'tokenMs', 'readMs'] as const)
          expect(Math.abs(estimator.costs[name] / machine[name] - 1)).toBeLessThan(0.01);
        expect(estimator.errorRatio).toBeLessThan(0.01);
      }),
    );
  });

  it('predicts work like that measured where the numbers cannot be told apart, and never a negative time', () => {
    const estimator = new StepTimeEstimator();
    for (let i = 0; i < 50; i++) estimator.observe(1, 10, 25);
    expect(predictMs(estimator.costs, { steps: 1, tokens: 1, reads: 10 })).toBeCloseTo(25, 3);
    for (const value of Object.values(estimator.costs)) expect(value).toBeGreaterThanOrEqual(0);
  });

  it('forgets a machine that was slower, and tells how far off it was', () => {
    const estimator = new StepTimeEstimator();
    for (let i = 0; i < 20; i++) estimator.observe(1 + (i % 5), 0, 100);
    expect(estimator.observe(1, 0, 50)).toBeCloseTo(1, 3);
    for (let i = 0; i < 1000; i++) estimator.observe(1 + (i % 5), 0, 50);
    expect(predictMs(estimator.costs, { steps: 1, tokens: 3, reads: 0 })).toBeCloseTo(50, 1);
    expect(estimator.errorRatio).toBeLessThan(0.01);
  });

  it('learns nothing from a clock that stands still', () => {
    const estimator = new StepTimeEstimator();
    for (let i = 0; i < 10; i++) expect(estimator.observe(1, 1, 0)).toBeUndefined();
    expect(estimator.isFitted).toBe(false);
    expect(estimator.costs.tokenMs).toBe(1);
  });

  it('counts the keys that tokens attend to, their own included', () => {
    expect([readsOf(0, 1), readsOf(0, 3), readsOf(10, 2)]).toEqual([1, 6, 23]);
  });
});
