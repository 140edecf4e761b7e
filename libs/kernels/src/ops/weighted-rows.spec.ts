import { enableRelaxedSimd } from '../simd/relaxed-simd.node.js';
import { OpsHarness, randomFloats } from './ops-harness.test-support.js';
import { multiplyAddRows } from './elementwise.js';
import { addMatchedGroups, addWeightedRows, scoreRows, softmaxRows, weightRows } from './weighted-rows.js';

enableRelaxedSimd();

const [TOKENS, COLUMNS, STRIDE] = [3, 36, 40];

describe.each([
  ['plain', { relaxed: false }],
  ['relaxed', { relaxed: true }],
  ['joined', { relaxed: true, wide: true }],
])('weighted rows (%s)', (_, build) => {
  const harness = new OpsHarness(build);
  const values = randomFloats(TOKENS * STRIDE, 1).map((value) => 3 * value);
  const rowOf = (token: number): number[] => Array.from(values.subarray(token * STRIDE, token * STRIDE + COLUMNS));
  const source = { source: harness.floats(values), sourceStride: 4 * STRIDE };

  it('scores normalized rows by a vector', () => {
    const weight = randomFloats(COLUMNS, 2);
    const scores = harness.floats(new Float32Array(2 * TOKENS).fill(9));
    harness.run(
      scoreRows.call({
        ...source,
        weight: harness.floats(weight),
        columns: COLUMNS,
        epsilon: 1e-5,
        scores,
        scoresStride: 8,
      }),
      0,
      TOKENS,
    );
    const expected = [0, 1, 2].flatMap((token) => {
      const row = rowOf(token);
      const mean = row.reduce((sum, value) => sum + value * value, 0) / COLUMNS;
      return [row.reduce((sum, value, i) => sum + value * weight[i], 0) / Math.sqrt(mean + 1e-5), 9];
    });
    harness.read(scores, 2 * TOKENS).forEach((score, i) => expect(score).toBeCloseTo(expected[i], 5));
  });

  it('turns scores into their softmax, also where they are large', () => {
    const rows = [
      [1, 2, 3, 7],
      [-300, 300, 300, 7],
      [5, -1, 0.5, 7],
    ];
    const at = harness.floats(rows.flat());
    harness.run(softmaxRows.call({ values: at, stride: 16, count: 3 }), 0, 3);
    const expected = rows.flatMap((row) => {
      const powers = row.slice(0, 3).map((score) => Math.exp(score - Math.max(...row.slice(0, 3))));
      return [...powers.map((power) => power / powers.reduce((a, b) => a + b)), 7];
    });
    harness.read(at, 12).forEach((value, i) => expect(value).toBeCloseTo(expected[i], 6));
  });

  it('adds products of rows, one of which may be the same for all', () => {
    const [columns, vector] = [COLUMNS - 1, randomFloats(COLUMNS - 1, 4)];
    const [a, target] = [randomFloats(TOKENS * STRIDE, 5), harness.floats(values)];
    harness.run(
      multiplyAddRows.call({
        target,
        targetStride: 4 * STRIDE,
        base: target,
        baseStride: 4 * STRIDE,
        a: harness.floats(a),
        aStride: 4 * STRIDE,
        b: harness.floats(vector),
        bStride: 0,
        bytes: 4 * columns,
      }),
      0,
      TOKENS,
    );
    harness
      .read(target, TOKENS * STRIDE)
      .forEach((value, i) =>
        expect(value).toBeCloseTo(values[i] + (i % STRIDE < columns ? a[i] * vector[i % STRIDE] : 0), 5),
      );
  });

  it('adds groups of rows by how two others match under a weight', () => {
    const [groups, columns] = [3, 12];
    const [a, b, weight] = [
      randomFloats(TOKENS * STRIDE, 6),
      randomFloats(TOKENS * STRIDE, 7),
      randomFloats(groups * columns, 8),
    ];
    const target = harness.floats(new Float32Array(TOKENS * STRIDE).fill(2));
    const strides = { targetStride: 4 * STRIDE, aStride: 4 * STRIDE, bStride: 4 * STRIDE };
    harness.run(
      addMatchedGroups.call({
        target,
        ...source,
        a: harness.floats(a),
        b: harness.floats(b),
        weight: harness.floats(weight),
        ...strides,
        groups,
        columns,
      }),
      1,
      8,
    );
    harness.read(target, TOKENS * STRIDE).forEach((value, i) => {
      const [token, column] = [Math.floor(i / STRIDE), i % STRIDE];
      const [group, unit] = [Math.floor(column / columns), token * groups + Math.floor(column / columns)];
      const first = token * STRIDE + group * columns;
      const match =
        group < groups
          ? Array.from(
              { length: columns },
              (__, j) => a[first + j] * b[first + j] * weight[group * columns + j],
            ).reduce((sum, product) => sum + product, 0)
          : 0;
      expect(value).toBeCloseTo(group < groups && unit >= 1 && unit < 8 ? 2 + values[i] * match : 2, 5);
    });
  });

  it('weighs rows, in place of what was there or added to it', () => {
    const factors = randomFloats(2 * TOKENS, 3);
    const target = harness.floats(new Float32Array(TOKENS * STRIDE).fill(2));
    const call = {
      target,
      targetStride: 4 * STRIDE,
      ...source,
      factors: harness.floats(factors) + 4,
      factorsStride: 8,
      bytes: 4 * COLUMNS,
    };
    harness.run(weightRows.call(call), 0, TOKENS);
    harness.run(addWeightedRows.call(call), 1, 2);
    harness.read(target, TOKENS * STRIDE).forEach((value, i) => {
      const [token, column] = [Math.floor(i / STRIDE), i % STRIDE];
      expect(value).toBeCloseTo(column < COLUMNS ? values[i] * factors[2 * token + 1] * (token === 1 ? 2 : 1) : 2, 5);
    });
  });
});
