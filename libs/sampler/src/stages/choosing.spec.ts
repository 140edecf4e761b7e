import { Candidates } from '../candidates.js';
import { Mt19937 } from '../mt19937.js';
import type { SamplerStage } from '../stage.js';
import { AdaptivePStage } from './adaptive-p.js';
import { DrawStage, drawDiscrete } from './draw.js';
import { mirostatV1, mirostatV2 } from './mirostat.js';

const DRAWS = 200_000;

/** The value that a chi-square of `degrees` exceeds once in a hundred thousand times (Wilson and Hilferty's approximation). */
function chiSquareLimit(degrees: number): number {
  const quantile = 4.265;
  return degrees * (1 - 2 / (9 * degrees) + quantile * Math.sqrt(2 / (9 * degrees))) ** 3;
}

function chiSquare(counts: readonly number[], probabilities: readonly number[]): number {
  const total = counts.reduce((a, b) => a + b, 0);
  return counts.reduce(
    (sum, count, i) => sum + (count - total * probabilities[i]) ** 2 / (total * probabilities[i]),
    0,
  );
}

const PROBABILITIES = [0.4, 0.2, 0.1, 0.1, 0.05, 0.05, 0.04, 0.03, 0.02, 0.01];
const LOGITS = Float32Array.from(PROBABILITIES, Math.log);

function drawnBy(stage: SamplerStage, logits = LOGITS, draws = DRAWS): number[] {
  const candidates = new Candidates(logits.length);
  const counts = new Array<number>(logits.length).fill(0);
  for (let i = 0; i < draws; i++) {
    candidates.load(logits);
    stage.apply(candidates);
    const id = candidates.ids[candidates.selected ?? -1];
    counts[id]++;
    stage.accept?.(id);
  }
  return counts;
}

describe('the draw', () => {
  it('follows the probabilities over 200,000 draws', () => {
    expect(chiSquare(drawnBy(new DrawStage(new Mt19937(42))), PROBABILITIES)).toBeLessThan(chiSquareLimit(9));
  });

  it('draws a number for a single candidate too', () => {
    const generator = new Mt19937(5);
    const candidates = new Candidates(1);
    candidates.load(Float32Array.of(3));
    new DrawStage(generator).apply(candidates);
    expect(generator.drawn).toBe(2);
    expect([candidates.selected, candidates.probabilities[0]]).toEqual([0, 1]);
  });

  it('never takes a candidate of probability 0 after the last one that has any', () => {
    const counts = drawnBy(new DrawStage(new Mt19937(8)), Float32Array.of(0, -Infinity, 0, -Infinity, -Infinity), 5000);
    expect(counts.filter((count) => count > 0)).toHaveLength(2);
  });

  it('of the choosing stages follows the probabilities too, and draws nothing for a single candidate', () => {
    const generator = new Mt19937(6);
    const stage: SamplerStage = {
      name: 'discrete',
      apply(candidates) {
        candidates.softmax();
        candidates.selected = drawDiscrete(candidates, generator);
      },
      fork: () => stage,
    };
    expect(chiSquare(drawnBy(stage), PROBABILITIES)).toBeLessThan(chiSquareLimit(9));
    const drawn = generator.drawn;
    drawnBy(stage, Float32Array.of(1), 3);
    expect(generator.drawn).toBe(drawn);
  });
});

describe('Mirostat', () => {
  const logits = Float32Array.from({ length: 400 }, (_, i) => -1.1 * Math.log(i + 1));
  const probabilities = Array.from(logits, (logit) => Math.exp(logit));
  const total = probabilities.reduce((a, b) => a + b, 0);

  it.each([
    ['1', (tau: number) => mirostatV1({ tau, eta: Math.fround(0.1) }, logits.length, new Mt19937(2))],
    ['2', (tau: number) => mirostatV2({ tau, eta: Math.fround(0.1) }, new Mt19937(2))],
  ])('version %s makes the more surprising choices, the higher its target', (_, make) => {
    const surprises = [1, 2, 3].map((tau) => {
      const counts = drawnBy(make(tau), logits, 20000);
      return counts.reduce((sum, count, id) => sum - (count / 20000) * Math.log2(probabilities[id] / total), 0);
    });
    expect(surprises[1]).toBeGreaterThan(surprises[0] + 0.3);
    expect(surprises[2]).toBeGreaterThan(surprises[1] + 0.3);
  });

  it('version 2 keeps the surprise after truncation near its target', () => {
    const stage = mirostatV2({ tau: 3, eta: Math.fround(0.1) }, new Mt19937(4));
    const candidates = new Candidates(logits.length);
    let surprise = 0;
    for (let i = 0; i < 4000; i++) {
      candidates.load(logits);
      stage.apply(candidates);
      surprise -= Math.log2(candidates.probabilities[candidates.selected ?? -1]);
    }
    expect(surprise / 4000).toBeCloseTo(3, 1);
  });
});

describe('adaptive-p', () => {
  it('below 0 follows the probabilities', () => {
    const stage = new AdaptivePStage({ target: -1, decay: Math.fround(0.9) }, new Mt19937(3));
    expect(chiSquare(drawnBy(stage), PROBABILITIES)).toBeLessThan(chiSquareLimit(9));
  });

  it('keeps the average probability of what it takes nearer to its target than the plain draw', () => {
    const averageWith = (stage: SamplerStage): number =>
      drawnBy(stage, LOGITS, 20000).reduce((sum, count, id) => sum + (count / 20000) * PROBABILITIES[id], 0);
    const plain = averageWith(new DrawStage(new Mt19937(1)));
    expect(plain).toBeGreaterThan(0.2);
    const adapted = averageWith(
      new AdaptivePStage({ target: Math.fround(0.1), decay: Math.fround(0.9) }, new Mt19937(1)),
    );
    expect(Math.abs(adapted - 0.1)).toBeLessThan(0.05);
  });
});
