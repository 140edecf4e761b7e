import fc from 'fast-check';
import { f16ToNumber, numberToBf16, numberToF16 } from '@starling/core';
import { golden, readJson } from '../../../tools/fixtures/fixtures.js';
import { dequantize } from './dequantize.js';
import { canQuantize, quantize } from './quantize.js';
import { TENSOR_TYPES, bytesOfValues, type TensorTypeName } from './tensor-types.js';

const MADE: readonly TensorTypeName[] = [
  'F16',
  'BF16',
  'Q4_0',
  'Q4_1',
  'Q5_0',
  'Q5_1',
  'Q8_0',
  'Q2_K',
  'Q3_K',
  'Q4_K',
  'Q5_K',
  'Q6_K',
  'IQ1_S',
  'IQ1_M',
  'IQ2_XXS',
  'IQ2_XS',
  'IQ2_S',
  'IQ3_XXS',
  'IQ3_S',
  'IQ4_NL',
  'IQ4_XS',
  'MXFP4',
  'TQ1_0',
  'TQ2_0',
];

function roundTrip(name: TensorTypeName, values: Float32Array): Float32Array {
  const type = TENSOR_TYPES[name];
  const bytes = new Uint8Array(bytesOfValues(type, values.length));
  quantize(type, values, values.length, bytes);
  const back = new Float32Array(values.length);
  dequantize(type, bytes, back);
  return back;
}

const squareError = (a: Float32Array, b: Float32Array): number =>
  a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0);

describe('quantizing', () => {
  const BLOCKS = new Map(
    readJson<{ type: TensorTypeName; blocks: string; values: string }[]>(golden.blocks).map((one) => [one.type, one]),
  );
  const floats = (type: TensorTypeName): Float32Array =>
    new Float32Array(Uint8Array.from(Buffer.from(BLOCKS.get(type)?.values ?? '', 'base64')).buffer);

  it.each(MADE)('to %s has no larger error than the reference', (name) => {
    const values = floats('F32');
    expect(values).toHaveLength(1024);
    expect(squareError(roundTrip(name, values), values)).toBeLessThanOrEqual(squareError(floats(name), values));
  });
});

/** What a value may be off by, as a share of the largest of its 32 neighbours: half a step, with room for rounded scales and clipping. */
const BOUNDS: Readonly<Partial<Record<TensorTypeName, number>>> = {
  Q4_0: 0.12,
  Q4_1: 0.12,
  Q5_0: 0.06,
  Q5_1: 0.06,
  Q8_0: 0.005,
  Q2_K: 0.8,
  Q3_K: 0.4,
  Q4_K: 0.16,
  Q5_K: 0.1,
  Q6_K: 0.06,
  IQ2_XXS: 1,
  IQ2_XS: 0.9,
  IQ2_S: 0.7,
  IQ3_XXS: 0.6,
  IQ3_S: 0.4,
  IQ4_NL: 0.15,
  IQ4_XS: 0.2,
  MXFP4: 0.26,
  TQ1_0: 1,
  TQ2_0: 1,
};

describe.each(Object.entries(BOUNDS) as [TensorTypeName, number][])('%s', (name, bound) => {
  it('keeps every value within its bound', () => {
    const block = fc.array(fc.float({ min: -1, max: 1, noNaN: true, noDefaultInfinity: true }), {
      minLength: 256,
      maxLength: 256,
    });
    fc.assert(
      fc.property(block, fc.integer({ min: -8, max: 6 }), (unit, exponent) => {
        const values = Float32Array.from(unit, (value) => value * 2 ** exponent);
        const back = roundTrip(name, values);
        const largest = values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
        const worst = values.reduce((max, value, i) => Math.max(max, Math.abs(back[i] - value)), 0);
        expect(worst).toBeLessThanOrEqual(bound * largest + 1e-6);
      }),
      { numRuns: 40 },
    );
  });

  it('keeps zeros, and blocks of one value where it can', () => {
    expect(roundTrip(name, new Float32Array(256)).every((value) => value === 0)).toBe(true);
    for (const value of [-1, 1, 0.3]) {
      const constant = new Float32Array(256).fill(value);
      expect(squareError(roundTrip(name, constant), constant) / 256).toBeLessThan(name === 'MXFP4' ? 4e-3 : 1e-6);
    }
  });

  it('gives finite values for the smallest and the largest of f32', () => {
    for (const scale of [1e-45, 1e-38, 3e38]) {
      const back = roundTrip(
        name,
        Float32Array.from({ length: 256 }, (_, i) => (i % 7 === 0 ? scale : -scale / 3)),
      );
      expect(back.every(Number.isFinite)).toBe(true);
    }
  });

  it('refuses values that are not finite, and says which', () => {
    for (const value of [NaN, Infinity, -Infinity]) {
      const values = new Float32Array(512).fill(1);
      values[300] = value;
      expect(() => roundTrip(name, values)).toThrow(/value 300 is .*: only finite values/);
    }
  });
});

describe('quantize', () => {
  it('rounds to f16 and bf16 as one value at a time does', () => {
    fc.assert(
      fc.property(fc.float32Array({ minLength: 1, maxLength: 64 }), (values) => {
        const halves = new Uint16Array(values.length);
        quantize(TENSOR_TYPES.F16, values, values.length, new Uint8Array(halves.buffer));
        const brains = new Uint16Array(values.length);
        quantize(TENSOR_TYPES.BF16, values, values.length, new Uint8Array(brains.buffer));
        values.forEach((value, i) => {
          expect(f16ToNumber(halves[i])).toBe(f16ToNumber(numberToF16(value)));
          expect(brains[i]).toBe(numberToBf16(value));
        });
      }),
    );
  });

  it('makes the types it says it makes, and refuses others and wrong lengths', () => {
    expect(
      Object.values(TENSOR_TYPES)
        .filter(canQuantize)
        .map((type) => type.name),
    ).toEqual(expect.arrayContaining(['F32', ...MADE]));
    expect(() => quantize(TENSOR_TYPES.Q8_K, new Float32Array(256), 256, new Uint8Array(292))).toThrow(
      /Q8_K cannot be made here/,
    );
    expect(() => quantize(TENSOR_TYPES.Q4_0, new Float32Array(64), 48, new Uint8Array(36))).toThrow(/blocks of 32/);
    expect(() => quantize(TENSOR_TYPES.Q4_0, new Float32Array(64), 64, new Uint8Array(35))).toThrow(
      /do not fill 35 bytes/,
    );
  });
});

describe('importance', () => {
  /** Weights that differ a thousandfold, as those of activations do. */
  const importance = Float32Array.from({ length: 512 }, (_, i) => 10 ** (1.5 * Math.sin(i * i * 7.1)));
  const values = Float32Array.from(
    { length: 4 * 512 },
    (_, i) => Math.sin(i * 12.9898) + 0.5 * Math.sin(i * 78.233 + 1),
  );
  const weightedError = (back: Float32Array): number =>
    values.reduce((sum, value, i) => sum + importance[i % 512] * (value - back[i]) ** 2, 0);
  const roundTripWith = (name: TensorTypeName, weights?: Float32Array): Float32Array => {
    const type = TENSOR_TYPES[name];
    const bytes = new Uint8Array(bytesOfValues(type, values.length));
    quantize(type, values, 512, bytes, weights);
    const back = new Float32Array(values.length);
    dequantize(type, bytes, back);
    return back;
  };
  const [plain, ...alike]: readonly TensorTypeName[] = ['F16', 'BF16', 'TQ1_0', 'TQ2_0'];

  it.each(MADE.filter((name) => name !== plain && !alike.includes(name)))(
    'lowers the error of %s where it matters',
    (name) => {
      const [with_, without] = [weightedError(roundTripWith(name, importance)), weightedError(roundTripWith(name))];
      expect(with_).toBeLessThan(name === 'Q8_0' || name === 'MXFP4' ? without * 1.000001 : 0.97 * without);
    },
  );

  it('changes nothing where all values count the same, in whatever unit, or none counts', () => {
    for (const name of ['Q4_0', 'Q4_K', 'IQ4_XS'] as const)
      for (const each of [0, 1, 1e-30])
        expect(roundTripWith(name, new Float32Array(512).fill(each))).toEqual(roundTripWith(name));
  });

  it('is refused where it does not fit the rows, or is negative or not finite', () => {
    expect(() => roundTripWith('Q4_0', importance.subarray(1))).toThrow(/importance of 511 values.*rows of 512/);
    for (const bad of [-1, NaN, Infinity])
      expect(() => roundTripWith('Q4_0', importance.with(7, bad))).toThrow(/importance of value 7 is/);
  });
});
