import { TENSOR_TYPES } from '@starling/gguf';
import fc from 'fast-check';
import { enableRelaxedSimd } from '../simd/relaxed-simd.node.js';
import { compileKernels } from './compile-kernels.node.js';
import { fastestBuild, PLAIN_BUILD, type DotMode, type KernelBuild } from './dot-mode.js';
import { MATMUL_FORMATS, matmulFormat, REWRITTEN_FORMATS, ROW_GRANULARITY, type MatmulFormatName } from './format.js';
import { dequantizeRows, MatmulHarness, randomActivations, randomFile, UNTOUCHED } from './matmul-harness.js';
import { buildMatmulModule } from './matmul-module.js';
import { QUANT_SPECS, type QuantFormatName } from './quant-formats.js';
import { scalarFloatDot } from './scalar-float.js';
import { PackedWeights, scalarDot, scalarQuantize, scalarUnpackRow } from './scalar-quant.js';

enableRelaxedSimd();

const builds: [string, KernelBuild][] = [
  ['plain', PLAIN_BUILD],
  [`fastest (${fastestBuild().dot})`, fastestBuild()],
];
const isQuant = (name: MatmulFormatName): name is QuantFormatName => name in QUANT_SPECS;

/** Index of the first element whose bits differ (0 and -0 count as equal), or undefined. */
function firstDifference(actual: Float32Array, expected: Float32Array): number | undefined {
  const index = expected.findIndex((value, i) => actual[i] !== value);
  return actual.length !== expected.length ? expected.length : index < 0 ? undefined : index;
}

/** Equal but for the rounding of fused operations. */
function expectClose(actual: Float32Array, expected: Float32Array): void {
  const scale = Math.hypot(...expected) / Math.sqrt(expected.length);
  expect(expected.findIndex((value, i) => !(Math.abs(actual[i] - value) <= 2e-6 * scale))).toBe(-1);
}

/** Packs a random matrix and compares its rows, by kernel and by scalar twin, with the dequantized file. */
function expectRows(harness: MatmulHarness, cols: number): void {
  const rows = 11;
  const { name } = harness.format;
  const file = randomFile(name, rows, cols, 1);
  const matrix = harness.pack(file, rows, cols);
  const expected = dequantizeRows(name, file, rows, cols);
  expected.forEach((values, row) =>
    expect(firstDifference(harness.unpackRow(matrix, row, cols), values)).toBeUndefined(),
  );
  if (!isQuant(name)) return;
  const weights = new PackedWeights(QUANT_SPECS[name], cols, harness.bytes.subarray(matrix));
  expected.forEach((values, row) => expect(firstDifference(scalarUnpackRow(weights, row), values)).toBeUndefined());
}

/** Every element by the scalar twin. */
function scalarMatmul(
  harness: MatmulHarness,
  file: Uint8Array,
  matrix: number,
  values: Float32Array,
  rows: number,
  cols: number,
): Float32Array {
  const { name } = harness.format;
  const tokens = Array.from({ length: values.length / cols }, (_, t) => values.slice(t * cols, (t + 1) * cols));
  const indices = Array.from({ length: rows }, (_, row) => row);
  if (isQuant(name)) {
    const weights = new PackedWeights(QUANT_SPECS[name], cols, harness.bytes.subarray(matrix));
    return Float32Array.from(
      tokens.flatMap((x) => {
        const quantized = scalarQuantize(x);
        return indices.map((row) => scalarDot(weights, row, quantized));
      }),
    );
  }
  const weights = dequantizeRows(name, file, rows, cols);
  return Float32Array.from(tokens.flatMap((x) => weights.map((row) => scalarFloatDot(row, x))));
}

describe.each(MATMUL_FORMATS.map(({ name }) => name))('%s', (name) => {
  const modules = builds.map(([, build]) => new WebAssembly.Module(buildMatmulModule([name], build)));
  const harnesses = builds.map(
    ([label, build], i) => [label, () => new MatmulHarness(name, build, modules[i])] as const,
  );
  const cols = isQuant(name) ? 512 : 75;

  it.each(harnesses)('unpacks each row to the bits of the dequantized file (%s)', (_, make) =>
    expectRows(make(), cols),
  );

  it('gives the bits of its scalar twin in the plain build', () => {
    const [rows, tokens] = [22, 7];
    const file = randomFile(name, rows, cols, 2);
    const harness = harnesses[0][1]();
    const matrix = harness.pack(file, rows, cols);
    const values = randomActivations(tokens * cols, 3);
    const result = harness.matmul(matrix, harness.activations(values, cols), {
      rowBegin: 0,
      rowEnd: rows,
      tokens,
      cols,
      outputRows: rows,
    });
    expect(firstDifference(result, scalarMatmul(harness, file, matrix, values, rows, cols))).toBeUndefined();
  });

  it("gives the twin's sums but for the rounding of fused operations in the fastest build", () => {
    const [rows, tokens] = [22, 7];
    const file = randomFile(name, rows, cols, 2);
    const harness = harnesses[1][1]();
    const matrix = harness.pack(file, rows, cols);
    const values = randomActivations(tokens * cols, 3);
    const result = harness.matmul(matrix, harness.activations(values, cols), {
      rowBegin: 0,
      rowEnd: rows,
      tokens,
      cols,
      outputRows: rows,
    });
    const expected = scalarMatmul(harness, file, matrix, values, rows, cols);
    expectClose(result, expected);
  });

  it('gives the same bits with vectors joined, where the engine can, for any number of tokens and chunks of columns', async () => {
    // More columns than any kernel takes at a time; from matrix-vector products over small batches to tiles.
    const [rows, cols] = [45, isQuant(name) ? 2304 : 1100];
    const counts = [1, 2, 3, 4, 5, 9, 16, 19, 67];
    const file = randomFile(name, rows, cols, 8);
    const values = randomActivations(Math.max(...counts) * cols, 9);
    const results = [fastestBuild(), { ...fastestBuild(true), wide: true }].map(async (build) => {
      const harness = new MatmulHarness(name, build, await compileKernels(buildMatmulModule([name], build), build));
      const matrix = harness.pack(file, rows, cols);
      const x = harness.activations(values, cols);
      return counts.map((tokens) =>
        harness.matmul(matrix, x, { rowBegin: 0, rowEnd: rows, cols, outputRows: rows, tokens }),
      );
    });
    const [apart, joined] = await Promise.all(results);
    const all = joined.at(-1);
    joined.forEach((result, i) => {
      expect(firstDifference(result, apart[i])).toBeUndefined();
      expect(all && firstDifference(result, all.subarray(0, result.length))).toBeUndefined();
    });
  });

  it.each(harnesses)(
    'gives each element the same bits for every cut into rows and tokens, and writes nothing else (%s)',
    (_, make) => {
      const maximum = { rows: 70, tokens: 9 };
      fc.assert(
        fc.property(
          fc.integer({ min: 1, max: maximum.rows }),
          fc.integer({ min: 1, max: maximum.tokens }),
          fc.nat(),
          fc.nat(),
          (rows, tokens, cut, seed) => {
            const harness = make();
            const width = isQuant(name) ? matmulFormat(name).colGranularity : 1 + (seed % 70);
            const file = randomFile(name, rows, width, seed);
            const matrix = harness.pack(file, rows, width);
            const x = harness.activations(randomActivations(tokens * width, seed + 1), width);
            const outputRows = rows + 3;
            const whole = harness.matmul(matrix, x, { rowBegin: 0, rowEnd: rows, tokens, cols: width, outputRows });
            const between = Math.min(rows, ROW_GRANULARITY * (cut % Math.ceil(rows / ROW_GRANULARITY)));
            for (let t = 0; t < tokens; t++) {
              const one = { at: x.at + t * x.stride, stride: x.stride };
              const upper = harness.matmul(matrix, one, {
                rowBegin: 0,
                rowEnd: between,
                tokens: 1,
                cols: width,
                outputRows,
              });
              const lower = harness.matmul(matrix, one, {
                rowBegin: between,
                rowEnd: rows,
                tokens: 1,
                cols: width,
                outputRows,
              });
              const expected = whole
                .map((_value, i) => (i < between ? upper[i] : i < rows ? lower[i] : UNTOUCHED))
                .subarray(0, outputRows);
              expect(firstDifference(whole.subarray(t * outputRows, (t + 1) * outputRows), expected)).toBeUndefined();
              expect(upper.subarray(between).every((value) => value === UNTOUCHED)).toBe(true);
              expect(lower.subarray(0, between).every((value) => value === UNTOUCHED)).toBe(true);
            }
          },
        ),
        { numRuns: 8, seed: 5 },
      );
    },
  );
});

/** Sets the codes of a file to those that every processor multiplies alike: bytes up to 127, as `unsigned` or as `signed` builds see them. */
function limitCodes(name: QuantFormatName, file: Uint8Array, dot: DotMode): void {
  if (QUANT_SPECS[name].maxCode <= 127 || dot === 'words' || dot === 'pairs') return;
  const isNegative = dot === 'unsigned';
  const { blockBytes } = TENSOR_TYPES[name];
  const [codes, bits] = name === 'Q8_0' ? [2, 0x80] : [name === 'IQ4_XS' ? 8 : 2, 0x88];
  // Codes are values plus 128, and the bytes of Q8_0 are two's complement.
  const isSet = name === 'Q8_0' ? isNegative : !isNegative;
  for (let i = 0; i < file.length; i++) if (i % blockBytes >= codes) file[i] = isSet ? file[i] | bits : file[i] & ~bits;
}

const quantNames = MATMUL_FORMATS.map(({ name }) => name).filter(isQuant);
const otherModes = (['pairs', 'unsigned', 'signed'] as const).filter((dot) => dot !== fastestBuild().dot);

describe.each(otherModes)('kernels for processors that multiply otherwise (%s)', (dot) => {
  it.each(quantNames)(
    '%s: close to the twin, and the same bits for any number of tokens, joined or not',
    async (name) => {
      const [rows, cols] = [27, 512];
      const counts = [1, 2, 3, 4, 7, 8, 19];
      const file = randomFile(name, rows, cols, 8);
      limitCodes(name, file, dot);
      const values = randomActivations(Math.max(...counts) * cols, 9);
      const apartAndJoined = [
        { ...fastestBuild(), dot },
        { ...fastestBuild(true), wide: true, dot },
      ];
      const results = apartAndJoined.map(async (build) => {
        const harness = new MatmulHarness(name, build, await compileKernels(buildMatmulModule([name], build), build));
        const matrix = harness.pack(file, rows, cols);
        const x = harness.activations(values, cols);
        const all = counts.map((tokens) =>
          harness.matmul(matrix, x, { rowBegin: 0, rowEnd: rows, cols, outputRows: rows, tokens }),
        );
        return { all, expected: scalarMatmul(harness, file, matrix, values, rows, cols) };
      });
      const [apart, joined] = await Promise.all(results);
      const most = apart.all[counts.length - 1];
      for (const result of [...apart.all, ...joined.all])
        expect(firstDifference(result, most.subarray(0, result.length))).toBeUndefined();
      expectClose(most, apart.expected);
    },
  );
});

describe.each(REWRITTEN_FORMATS.map(({ name }) => name))('%s, rewritten', (name) => {
  it('unpacks each row to the bits of the dequantized file', () =>
    expectRows(new MatmulHarness(name, PLAIN_BUILD), 512));

  it('gives the bits of its scalar twin', () => {
    const [rows, cols, tokens] = [10, 256, 2];
    const file = randomFile(name, rows, cols, 2);
    const harness = new MatmulHarness(name, PLAIN_BUILD);
    const matrix = harness.pack(file, rows, cols);
    const values = randomActivations(tokens * cols, 3);
    const result = harness.matmul(matrix, harness.activations(values, cols), {
      rowBegin: 0,
      rowEnd: rows,
      tokens,
      cols,
      outputRows: rows,
    });
    expect(firstDifference(result, scalarMatmul(harness, file, matrix, values, rows, cols))).toBeUndefined();
  });
});

describe('quantize', () => {
  it.each(builds)('gives the bits of its scalar twin, in any cut (%s)', (_, build) => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.nat(), (blocks, seed) => {
        const harness = new MatmulHarness('Q8_0', build);
        const values = randomActivations(32 * blocks, seed);
        values.fill(0, 0, seed % 33);
        const { at, stride } = harness.activations(values, 32 * blocks);
        expect(harness.bytes.slice(at, at + stride)).toEqual(scalarQuantize(values));
      }),
      { numRuns: 30, seed: 6 },
    );
  });

  it('lets NaN and infinity show in the products', () => {
    for (const bad of [NaN, Infinity]) {
      const harness = new MatmulHarness('Q8_0', PLAIN_BUILD);
      const matrix = harness.pack(randomFile('Q8_0', 4, 32, 7), 4, 32);
      const values = new Float32Array(32).fill(1);
      values[5] = bad;
      const out = harness.matmul(matrix, harness.activations(values, 32), {
        rowBegin: 0,
        rowEnd: 4,
        tokens: 1,
        cols: 32,
        outputRows: 4,
      });
      expect(Array.from(out).some(Number.isFinite)).toBe(false);
    }
  });
});
