import { numberToF16 } from '@starling/core';
import { golden, readJson } from '../../../tools/fixtures/fixtures.js';
import { dequantize } from './dequantize.js';
import { TENSOR_TYPES, tensorTypeById, tensorTypeByName, type TensorTypeName } from './tensor-types.js';

describe('blocks of each format', () => {
  const BLOCKS = readJson<{ type: TensorTypeName; blocks: string; values: string }[]>(golden.blocks);

  it.each(BLOCKS.map((one) => [one.type, one] as const))(
    '%s gives the reference values bit for bit',
    (type, { blocks, values }) => {
      const expected = Buffer.from(values, 'base64');
      const out = new Float32Array(expected.length / 4);
      dequantize(TENSOR_TYPES[type], Buffer.from(blocks, 'base64'), out);
      expect(out).toHaveLength(1024);
      expect(Buffer.compare(Buffer.from(out.buffer), expected)).toBe(0);
    },
  );
});

/** Values worked out by hand from the drawings of the layouts. */
describe('formats that no public file uses', () => {
  const half = (value: number): number[] => [numberToF16(value) & 255, numberToF16(value) >> 8];
  const decode = (name: TensorTypeName, bytes: readonly number[]): Float32Array => {
    const type = TENSOR_TYPES[name];
    const out = new Float32Array((bytes.length / type.blockBytes) * type.blockSize);
    dequantize(type, Uint8Array.from(bytes), out);
    return out;
  };

  it('NVFP4: sixteen values a scale, low nibbles first', () => {
    const scales = [0x38, 0x40, 0x01, 0x7f];
    const nibbles = Array.from({ length: 32 }, (_, i) => (i % 8) | ((15 - (i % 8)) << 4));
    const values = decode('NVFP4', [...scales, ...nibbles]);
    const low = [0, 0.5, 1, 1.5, 2, 3, 4, 6];
    const high = low.map((value) => -value).reverse();
    const group = (scale: number): number[] => [...low, ...high].map((value) => value * scale + 0);
    expect(Array.from(values, (value) => value + 0)).toEqual([
      ...group(1),
      ...group(2),
      ...group(2 ** -9),
      ...group(0),
    ]);
  });

  it('Q1_0 and Q2_0: signs, and two bits less one', () => {
    expect(Array.from(decode('Q1_0', [...half(0.5), 0b101, ...new Array<number>(15).fill(0)]).subarray(0, 4))).toEqual([
      0.5, -0.5, 0.5, -0.5,
    ]);
    expect(
      Array.from(decode('Q2_0', [...half(0.5), 0b11100100, ...new Array<number>(15).fill(0)]).subarray(0, 5)),
    ).toEqual([-0.5, 0, 0.5, 1, -0.5]);
  });

  it('Q8_1 and Q8_K: signed bytes', () => {
    expect(
      Array.from(decode('Q8_1', [...half(0.25), 0, 0, 4, 0xff, ...new Array<number>(30).fill(0)]).subarray(0, 2)),
    ).toEqual([1, -0.25]);
    const scale = new Uint8Array(Float32Array.of(1.5).buffer);
    expect(Array.from(decode('Q8_K', [...scale, 2, 0x80, ...new Array<number>(286).fill(0)]).subarray(0, 2))).toEqual([
      3, -192,
    ]);
  });

  it('numbers without blocks', () => {
    expect(Array.from(decode('I16', [0xff, 0xff, 0x00, 0x80]))).toEqual([-1, -32768]);
    expect(Array.from(decode('I32', [0xfe, 0xff, 0xff, 0xff]))).toEqual([-2]);
    expect(Array.from(decode('I64', [0xfd, ...new Array<number>(7).fill(0xff)]))).toEqual([-3]);
    expect(Array.from(decode('I8', [0x80, 0x7f]))).toEqual([-128, 127]);
    expect(Array.from(decode('F64', [...new Uint8Array(Float64Array.of(0.1).buffer)]))).toEqual([Math.fround(0.1)]);
  });

  it('refuses lengths that do not match', () => {
    expect(() => dequantize(TENSOR_TYPES.Q4_0, new Uint8Array(17), new Float32Array(32))).toThrow(
      /17 bytes of Q4_0 do not hold 32 values/,
    );
    expect(() => dequantize(TENSOR_TYPES.Q4_0, new Uint8Array(18), new Float32Array(31))).toThrow(/blocks of 32/);
  });
});

describe('the type table', () => {
  it('finds every type by its id and its name', () => {
    for (const type of Object.values(TENSOR_TYPES)) {
      expect(tensorTypeById(type.id)).toBe(type);
      expect(tensorTypeByName(type.name.toLowerCase())).toBe(type);
    }
    expect(Object.keys(TENSOR_TYPES)).toHaveLength(35);
    expect(tensorTypeById(4)).toBeUndefined();
    expect(tensorTypeByName('constructor')).toBeUndefined();
  });
});
