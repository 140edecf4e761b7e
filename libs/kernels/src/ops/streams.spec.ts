import { enableRelaxedSimd } from '../simd/relaxed-simd.node.js';
import { OpsHarness, randomFloats } from './ops-harness.test-support.js';
import { addByFactors, keepUpperEnd, matchLength } from './streams.js';

enableRelaxedSimd();

const TOKENS = 3;
const GROUPS = 4;
const COLUMNS = 20;
const STRIDE = 4 * (GROUPS * COLUMNS + 4);
const parts = Array.from({ length: TOKENS * GROUPS }, (_, unit) => ({
  token: Math.floor(unit / GROUPS),
  group: unit % GROUPS,
}));
const part = (values: ArrayLike<number>, stride: number, token: number, group: number): number[] =>
  Array.from({ length: COLUMNS }, (_, i) => values[(token * stride) / 4 + group * COLUMNS + i]);

describe.each([
  ['plain', { relaxed: false, wide: false }],
  ['joined', { relaxed: true, wide: true }],
] as const)('kernels on several streams (%s)', (_, build) => {
  const target = (harness: OpsHarness, values: Float32Array) => ({
    target: harness.floats(values),
    tokenStride: STRIDE,
    groupStride: 4 * COLUMNS,
    groups: GROUPS,
    bytes: 4 * COLUMNS,
  });

  it('adds a row to each stream, times factors of the token', () => {
    const harness = new OpsHarness(build);
    const [values, source, factors] = [
      randomFloats((TOKENS * STRIDE) / 4, 1),
      randomFloats(TOKENS * COLUMNS, 2),
      randomFloats(TOKENS * 2 * GROUPS, 3),
    ];
    const operands = target(harness, values);
    harness.run(
      addByFactors.call({
        ...operands,
        source: harness.floats(source),
        sourceStride: 4 * COLUMNS,
        factors: harness.floats(factors),
        factorsStride: 8 * GROUPS,
        factorStride: 8,
        more: 0.5,
      }),
      0,
      parts.length,
    );
    const result = harness.read(operands.target, values.length);
    for (const { token, group } of parts) {
      const before = part(values, STRIDE, token, group);
      const factor = factors[token * 2 * GROUPS + 2 * group] + 0.5;
      part(result, STRIDE, token, group).forEach((value, i) =>
        expect(value).toBeCloseTo(before[i] + factor * source[token * COLUMNS + i], 6),
      );
    }
  });

  it('gives streams the length of a row', () => {
    const harness = new OpsHarness(build);
    const [values, reference] = [randomFloats((TOKENS * STRIDE) / 4, 4), randomFloats(TOKENS * COLUMNS, 5)];
    const operands = target(harness, values);
    harness.run(
      matchLength.call({ ...operands, reference: harness.floats(reference), referenceStride: 4 * COLUMNS }),
      0,
      parts.length,
    );
    const result = harness.read(operands.target, values.length);
    const length = (row: readonly number[]): number => Math.hypot(...row);
    for (const { token, group } of parts) {
      const before = part(values, STRIDE, token, group);
      const factor = length(part(reference, 4 * COLUMNS, token, 0)) / length(before);
      part(result, STRIDE, token, group).forEach((value, i) => expect(value).toBeCloseTo(before[i] * factor, 5));
    }
  });

  it('keeps what lies so many deviations above the mean of a row', () => {
    const harness = new OpsHarness(build);
    const columns = 48;
    const values = randomFloats(2 * columns, 6);
    const at = harness.floats(values);
    harness.run(keepUpperEnd.call({ target: at, targetStride: 4 * columns, columns, deviations: 0.8 }), 0, 2);
    const result = harness.read(at, values.length);
    for (const row of [0, 1]) {
      const own = Array.from(values.subarray(row * columns, (row + 1) * columns));
      const mean = own.reduce((a, b) => a + b) / columns;
      const deviation = Math.sqrt(own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (columns - 1));
      own.forEach((value, i) =>
        expect(result[row * columns + i]).toBeCloseTo(Math.max(0, value - mean - 0.8 * deviation), 6),
      );
      expect(
        Array.from(result.subarray(row * columns, (row + 1) * columns)).filter((value) => value > 0).length,
      ).toBeGreaterThan(3);
    }
  });
});
