import { enableRelaxedSimd } from '../simd/relaxed-simd.node.js';
import {
  activationNames,
  clampedSwiglu,
  gatedActivations,
  limitedSwiglu,
  plainActivations,
  situ,
  situGate,
  xielu,
} from './activation.js';
import {
  addBias,
  addGatheredRows,
  addRows,
  gatherRows,
  multiplyRows,
  scaleByGroup,
  scaleByToken,
  scaleRows,
  softcapRows,
} from './elementwise.js';
import { layerNorm, rmsNorm } from './norm.js';
import { OpsHarness, randomFloats } from './ops-harness.test-support.js';
import { ropeHalves, ropePairs } from './rope.js';
import {
  activationTwins,
  clampedSwigluTwin,
  layerNormTwin,
  limitedSwigluTwin,
  rmsNormTwin,
  ropeTwin,
  situTwin,
  xieluTwin,
} from './scalar-twins.js';

enableRelaxedSimd();

/** Largest difference, relative to the largest expected magnitude. */
function error(actual: ArrayLike<number>, expected: readonly number[]): number {
  const top = Math.max(...expected.map(Math.abs), 1e-30);
  return expected.reduce((worst, value, i) => Math.max(worst, Math.abs(actual[i] - value) / top), 0);
}

const rowsOf = (values: Float32Array, columns: number): Float32Array[] =>
  Array.from({ length: values.length / columns }, (_, i) => values.subarray(i * columns, (i + 1) * columns));

describe.each([
  ['plain', { relaxed: false }],
  ['relaxed', { relaxed: true }],
  ['joined', { relaxed: true, wide: true }],
])('row kernels (%s)', (_, build) => {
  const harness = new OpsHarness(build);

  it.each([4, 20, 64, 172, 2048])('norms of rows of %i agree with their definitions', (columns) => {
    const input = randomFloats(3 * columns, 1).map((value) => 5 * value + 1);
    const [weight, bias] = [randomFloats(columns, 2), randomFloats(columns, 3)];
    const output = harness.place(12 * columns);
    const row = {
      input: harness.floats(input),
      inputTokenStride: 4 * columns,
      inputGroupStride: 0,
      output,
      outputTokenStride: 4 * columns,
      outputGroupStride: 0,
    };
    const rest = { weight: harness.floats(weight), weightGroupStride: 0, groups: 1, columns, epsilon: 1e-5 };
    harness.run(rmsNorm.call({ ...row, ...rest }), 0, 3);
    expect(
      error(
        harness.read(output, 3 * columns),
        rowsOf(input, columns).flatMap((values) => rmsNormTwin(values, weight, 1e-5)),
      ),
    ).toBeLessThan(5e-7);
    harness.run(layerNorm.call({ ...row, ...rest, bias: harness.floats(bias) }), 0, 3);
    expect(
      error(
        harness.read(output, 3 * columns),
        rowsOf(input, columns).flatMap((values) => layerNormTwin(values, weight, bias, 1e-5)),
      ),
    ).toBeLessThan(1e-6);
  });

  it.each([1, 2, 7, 22])('root mean squares of rows of %i end with single floats', (columns) => {
    const input = randomFloats(3 * columns, 1).map((value) => 5 * value + 1);
    const weight = randomFloats(columns, 2);
    const output = harness.floats(new Float32Array(3 * columns + 4).fill(7));
    const place = {
      input: harness.floats(input),
      inputTokenStride: 4 * columns,
      inputGroupStride: 0,
      output,
      outputTokenStride: 4 * columns,
      outputGroupStride: 0,
    };
    harness.run(
      rmsNorm.call({
        ...place,
        weight: harness.floats(weight),
        weightGroupStride: 0,
        groups: 1,
        columns,
        epsilon: 1e-5,
      }),
      0,
      3,
    );
    const result = harness.read(output, 3 * columns + 4);
    expect(
      error(
        result,
        rowsOf(input, columns).flatMap((values) => rmsNormTwin(values, weight, 1e-5)),
      ),
    ).toBeLessThan(5e-7);
    expect(Array.from(result.subarray(3 * columns))).toEqual([7, 7, 7, 7]);
  });

  it('norms heads inside of wider rows, with a weight for each or one for all', () => {
    const [heads, columns, stride] = [3, 8, 40];
    const input = randomFloats(2 * stride, 4);
    for (const own of [true, false]) {
      const weight = randomFloats(own ? heads * columns : columns, 5);
      const at = harness.floats(input);
      const place = {
        input: at,
        inputTokenStride: 4 * stride,
        inputGroupStride: 4 * columns,
        output: at,
        outputTokenStride: 4 * stride,
        outputGroupStride: 4 * columns,
      };
      harness.run(
        rmsNorm.call({
          ...place,
          weight: harness.floats(weight),
          weightGroupStride: own ? 4 * columns : 0,
          groups: heads,
          columns,
          epsilon: 1e-6,
        }),
        1,
        5,
      );
      const result = harness.read(at, input.length);
      const head = (values: Float32Array, unit: number): Float32Array =>
        values.subarray(Math.floor(unit / heads) * stride + (unit % heads) * columns).subarray(0, columns);
      for (let unit = 0; unit < 6; unit++) {
        const weights = weight.subarray(own ? (unit % heads) * columns : 0);
        const expected =
          unit >= 1 && unit < 5 ? rmsNormTwin(head(input, unit), weights, 1e-6) : Array.from(head(input, unit));
        expect(error(head(result, unit), expected)).toBeLessThan(5e-7);
      }
    }
  });

  it.each([
    ['pairs', 2, 8],
    ['pairs', 6, 16],
    ['pairs', 16, 32],
    ['halves', 2, 16],
    ['halves', 6, 12],
    ['halves', 32, 64],
  ] as const)('rotates by %s: %i pairs in heads of %i', (style, pairs, length) => {
    const [tokens, heads, stride] = [3, 2, 2 * length + 4];
    const values = randomFloats(tokens * stride, 6);
    const table = randomFloats(tokens * 2 * pairs, 7);
    const at = harness.floats(values);
    const call = (style === 'pairs' ? ropePairs : ropeHalves).call({
      values: at,
      tokenStride: 4 * stride,
      headStride: 4 * length,
      heads,
      pairs,
      table: harness.floats(table),
      tableStride: 8 * pairs,
    });
    harness.run(call, 0, tokens * heads);
    const expected = rowsOf(values, stride).flatMap((row, token) => {
      const [cosines, sines] = [0, pairs].map((first) => table.subarray(token * 2 * pairs + first).subarray(0, pairs));
      const turned = [0, 1].flatMap((head) =>
        ropeTwin(row.subarray(head * length, (head + 1) * length), cosines, sines, style === 'halves'),
      );
      return [...turned, ...row.subarray(2 * length)];
    });
    expect(error(harness.read(at, values.length), expected)).toBeLessThan(3e-7);
  });

  it.each(activationNames)('%s is exact to some units in the last place, gated and not', (name) => {
    const input = Float32Array.from({ length: 400 }, (_, i) => (i - 200) / 9.7 + 0.003);
    const up = randomFloats(400, 8);
    const output = harness.place(1600);
    const place = {
      input: harness.floats(input),
      inputStride: 800,
      up: harness.floats(up),
      upStride: 800,
      output,
      outputStride: 800,
      rowBytes: 800,
      blockBytes: 352,
      blocks: 3,
    };
    const check = (expected: number[]): void => {
      const actual = harness.read(output, 400);
      expected.forEach((value, i) =>
        expect(Math.abs(actual[i] - value)).toBeLessThan(
          4e-7 * Math.max(Math.abs(value), Math.abs(input[i]), name === 'relu2' ? 1 : 0.05),
        ),
      );
    };
    harness.run(plainActivations[name].call(place), 0, 6);
    check(Array.from(input, (x) => activationTwins[name](x)));
    harness.run(gatedActivations[name].call(place), 0, 6);
    check(Array.from(input, (x, i) => activationTwins[name](x) * up[i]));
  });

  it('holds a gate within bounds', () => {
    const [gate, up] = [randomFloats(64, 9), randomFloats(64, 10)].map((values) => values.map((value) => 12 * value));
    const output = harness.place(256);
    const place = {
      input: harness.floats(gate),
      inputStride: 256,
      up: harness.floats(up),
      upStride: 256,
      output,
      outputStride: 256,
      rowBytes: 256,
      blockBytes: 256,
      blocks: 1,
    };
    for (const bounds of [
      { alpha: 1.702, limit: 7, shift: 1 },
      { alpha: 1, limit: 0.5, shift: 0 },
    ]) {
      harness.run(clampedSwiglu.call({ ...place, ...bounds }), 0, 1);
      expect(
        error(
          harness.read(output, 64),
          Array.from(gate, (g, i) => clampedSwigluTwin(g, up[i], bounds)),
        ),
      ).toBeLessThan(3e-7);
    }
  });

  it('holds what comes out of a gate within bounds, or lets it saturate', () => {
    const [gate, up] = [randomFloats(64, 9), randomFloats(64, 10)].map((values) => values.map((value) => 12 * value));
    const output = harness.place(256);
    const place = {
      input: harness.floats(gate),
      inputStride: 256,
      up: harness.floats(up),
      upStride: 256,
      output,
      outputStride: 256,
      rowBytes: 256,
      blockBytes: 256,
      blocks: 1,
    };
    const check = (twin: (g: number, u: number) => number): void =>
      expect(
        error(
          harness.read(output, 64),
          Array.from(gate, (g, i) => twin(g, up[i])),
        ),
      ).toBeLessThan(3e-7);
    harness.run(limitedSwiglu.call({ ...place, limit: 4 }), 0, 1);
    check((g, u) => limitedSwigluTwin(g, u, 4));
    harness.run(situ.call({ ...place, beta: 4, linearBeta: 25 }), 0, 1);
    check((g, u) => situTwin(g, 4) * 25 * Math.tanh(u / 25));
    harness.run(situGate.call({ ...place, beta: 3 }), 0, 1);
    check((g, u) => situTwin(g, 3) * u);
  });

  it('applies xIELU to either sign, without loss near 0', () => {
    const shape = { alphaP: 0.8, alphaN: 1.3, beta: 0.5, epsilon: -1e-6 };
    const input = Float32Array.from({ length: 64 }, (_, i) => (i % 2 ? -1 : 1) * 10 ** (1.2 - i / 10));
    const output = harness.place(256);
    const at = harness.floats(input);
    harness.run(
      xielu.call({
        input: at,
        inputStride: 256,
        up: at,
        upStride: 256,
        output,
        outputStride: 256,
        rowBytes: 256,
        blockBytes: 256,
        blocks: 1,
        ...shape,
      }),
      0,
      1,
    );
    harness
      .read(output, 64)
      .forEach((value, i) => expect(Math.abs(value / xieluTwin(input[i], shape) - 1)).toBeLessThan(1e-6));
  });

  it('multiplies each group of a row by a factor of its own', () => {
    const [tokens, groups, columns, stride] = [3, 2, 7, 20];
    const [values, factors] = [randomFloats(tokens * stride, 15), randomFloats(tokens * groups, 16)];
    const target = harness.floats(values);
    harness.run(
      scaleByGroup.call({
        target,
        tokenStride: 4 * stride,
        groupStride: 4 * columns,
        groups,
        factors: harness.floats(factors),
        factorsStride: 4 * groups,
        bytes: 4 * columns,
      }),
      1,
      5,
    );
    const expected = Array.from(values, (value, i) => {
      const [token, column] = [Math.floor(i / stride), i % stride];
      const unit = token * groups + Math.floor(column / columns);
      return column < groups * columns && unit >= 1 && unit < 5 ? value * factors[unit] : value;
    });
    expect(error(harness.read(target, values.length), expected)).toBeLessThan(1e-7);
  });

  it('adds, multiplies, scales and bounds rows of any length, and leaves what is beyond', () => {
    for (const columns of [1, 3, 4, 7, 32]) {
      const stride = columns + 2;
      const [a, b] = [randomFloats(4 * stride, 11), randomFloats(4 * stride, 12)];
      const bytes = { bytes: 4 * columns };
      const check = (
        run: (target: number, source: number) => void,
        twin: (x: number, y: number, row: number) => number,
      ): void => {
        const [target, source] = [harness.floats(a), harness.floats(b)];
        run(target, source);
        const expected = Array.from(a, (x, i) =>
          Math.floor(i / stride) < 3 && i % stride < columns ? twin(x, b[i], Math.floor(i / stride)) : x,
        );
        expect(error(harness.read(target, a.length), expected)).toBeLessThan(3e-7);
      };
      const strides = { targetStride: 4 * stride, sourceStride: 4 * stride };
      check(
        (target, source) => harness.run(addRows.call({ target, source, ...strides, ...bytes, scale: 0.5 }), 0, 3),
        (x, y) => x + 0.5 * y,
      );
      check(
        (target, source) => harness.run(multiplyRows.call({ target, source, ...strides, ...bytes }), 0, 3),
        (x, y) => x * y,
      );
      check(
        (target) =>
          harness.run(
            scaleRows.call({
              input: target,
              inputStride: 4 * stride,
              output: target,
              outputStride: 4 * stride,
              ...bytes,
              scale: -3,
            }),
            0,
            3,
          ),
        (x) => -3 * x,
      );
      check(
        (target) =>
          harness.run(softcapRows.call({ target, targetStride: 4 * stride, ...bytes, cap: 0.8, scale: 2 }), 0, 3),
        (x) => 0.8 * Math.tanh((2 * x) / 0.8),
      );
      const factors = randomFloats(3, 13);
      check(
        (target) =>
          harness.run(
            scaleByToken.call({
              target,
              tokenStride: 4 * stride,
              groupStride: 0,
              groups: 1,
              factors: harness.floats(factors),
              ...bytes,
            }),
            0,
            3,
          ),
        (x, _y, row) => x * factors[row],
      );
      const bias = randomFloats(columns, 14);
      const biasAt = harness.floats(bias);
      const target = harness.floats(a);
      harness.run(addBias.call({ target, tokenStride: 4 * stride, groups: 1, bias: biasAt, ...bytes }), 0, 1);
      expect(
        error(
          harness.read(target, columns),
          Array.from(bias, (value, i) => a[i] + value),
        ),
      ).toBeLessThan(3e-7);
    }
  });

  it('picks rows by number', () => {
    const table = randomFloats(40, 15);
    const indexes = [3, 0, 3, 1];
    const [output, sums] = [harness.place(160), harness.floats(new Float32Array(40).fill(1))];
    const place = { table: harness.floats(table), tableStride: 40, indexes: harness.words(indexes), bytes: 40 };
    harness.run(gatherRows.call({ ...place, output, outputStride: 40 }), 0, 4);
    harness.run(addGatheredRows.call({ ...place, target: sums, targetStride: 40 }), 1, 4);
    const picked = indexes.flatMap((row) => Array.from(table.subarray(row * 10, row * 10 + 10)));
    expect(Array.from(harness.read(output, 40))).toEqual(picked);
    expect(
      error(
        harness.read(sums, 40),
        picked.map((value, i) => (i < 10 ? 1 : 1 + value)),
      ),
    ).toBeLessThan(2e-7);
  });
});
