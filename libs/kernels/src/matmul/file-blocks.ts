import type { Expr } from '../wasm/expression.js';
import type { CodeBuilder, Local } from '../wasm/function-builder.js';
import type { ModuleBuilder } from '../wasm/module-builder.js';
import { i32 } from '../wasm/scalar-ops.js';
import { i16x8, i8x16, v128 } from '../wasm/simd-ops.js';

/*
 * How the quantized blocks of a file are read, row by row, when a matrix is packed. The bytes of each format are drawn in the
 * gguf library, beside its decoders.
 */

type Vector = Expr<'v128'>;
type Address = Local<'i32'>;

/** What a reader of file blocks emits its code with. */
export interface PackCode {
  readonly f: CodeBuilder;
  readonly module: ModuleBuilder;
}

export interface FileBlock {
  /** Values and bytes of a block. */
  readonly values: number;
  readonly bytes: number;
  /** Codes of the columns 32 g .. 32 g + 31 of the block: two vectors in the order of the columns. */
  codes(code: PackCode, block: Address, group: number): [Vector, Vector];
  /** The f16 factor of the scales (of sub-block `sub` if these have their own) as 16 bits, or an E8M0 byte less one. */
  factor(block: Address, sub: number): Expr<'i32'>;
  /** The f16 factor of what is added. */
  minimumFactor?(block: Address): Expr<'i32'>;
  /** The byte of the scale of sub-block `sub`. */
  subScale?(block: Address, sub: number): Expr<'i32'>;
  subMinimum?(block: Address, sub: number): Expr<'i32'>;
}

const bits = (vector: Vector, shift: number, mask: number, { module }: PackCode): Vector =>
  v128.and(shift === 0 ? vector : i16x8.shrU(vector, shift), module.splatConstantI8(mask));

/** Bits of a byte in memory. */
const byteBits = (block: Address, at: number, shift: number, mask: number): Expr<'i32'> =>
  i32.and(i32.shrU(i32.load8U(block, at), shift), mask);

/** Sixteen bytes whose low and high nibbles are the columns 0..15 and 16..31. */
function nibbles(code: PackCode, block: Address, at: number): [Vector, Vector] {
  return [bits(v128.load(block, at), 0, 15, code), bits(v128.load(block, at), 4, 15, code)];
}

/** Sixteen bits in memory as bytes of 0 or `value`. */
function spreadBits({ module }: PackCode, block: Address, at: number, value: number): Vector {
  const copies = i8x16.swizzle(
    v128.load16Splat(block, at),
    module.vectorConstant([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]),
  );
  const single = module.vectorConstant([1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128]);
  return v128.and(i8x16.eq(v128.and(copies, single), single), module.splatConstantI8(value));
}

const half =
  (at: number) =>
  (block: Address): Expr<'i32'> =>
    i32.load16U(block, at);
const minusHalf =
  (at: number) =>
  (block: Address): Expr<'i32'> =>
    i32.xor(i32.load16U(block, at), 0x8000);
const both = (make: (i: 0 | 1) => Vector): [Vector, Vector] => [make(0), make(1)];

/** Q4_0, Q4_1, Q5_0, Q5_1, IQ4_NL: factor, then maybe the minimum, then maybe fifth bits, then nibbles. */
function nibbleBlock(bytes: number, options: { minimum?: boolean; fifthBits?: boolean }): FileBlock {
  const high = options.minimum ? 4 : 2;
  const low = options.fifthBits ? high + 4 : high;
  return {
    values: 32,
    bytes,
    codes(code, block) {
      const codes = nibbles(code, block, low);
      return options.fifthBits ? both((i) => v128.or(codes[i], spreadBits(code, block, high + 2 * i, 16))) : codes;
    },
    factor: half(0),
    ...(options.minimum ? { minimumFactor: half(2) } : {}),
  };
}

/** The 6-bit scales of Q4_K and Q5_K: `upper` 0 for scales, 4 for minima. */
const sixBits =
  (at: number, upper: 0 | 4) =>
  (block: Address, sub: number): Expr<'i32'> => {
    if (sub < 4) return byteBits(block, at + upper + sub, 0, 63);
    return i32.or(
      byteBits(block, at + 8 + sub - 4, upper, 15),
      i32.shl(byteBits(block, at + upper + sub - 4, 6, 3), 4),
    );
  };

export const FILE_BLOCKS = {
  Q4_0: nibbleBlock(18, {}),
  Q4_1: nibbleBlock(20, { minimum: true }),
  Q5_0: nibbleBlock(22, { fifthBits: true }),
  Q5_1: nibbleBlock(24, { minimum: true, fifthBits: true }),
  IQ4_NL: nibbleBlock(18, {}),
  Q8_0: {
    values: 32,
    bytes: 34,
    codes: ({ module }, block) => both((i) => v128.xor(v128.load(block, 2 + 16 * i), module.splatConstantI8(0x80))),
    factor: half(0),
  },
  MXFP4: {
    values: 32,
    bytes: 17,
    codes: (code, block) => nibbles(code, block, 1),
    // The codes are twice the values; the exponents 0 and 1 are as good as 0.
    factor: (block) => i32.select(i32.load8U(block), i32.sub(i32.load8U(block), 1), 0),
  },
  Q2_K: {
    values: 256,
    bytes: 84,
    codes: (code, block, group) =>
      both((i) => bits(v128.load(block, 16 + 32 * (group >> 2) + 16 * i), 2 * (group & 3), 3, code)),
    factor: half(80),
    minimumFactor: minusHalf(82),
    subScale: (block, sub) => byteBits(block, sub, 0, 15),
    subMinimum: (block, sub) => byteBits(block, sub, 4, 15),
  },
  Q3_K: {
    values: 256,
    bytes: 110,
    codes(code, block, group) {
      return both((i) => {
        const high = v128.load(block, 16 * i);
        const third =
          group <= 2
            ? v128.and(i16x8.shl(high, 2 - group), code.module.splatConstantI8(4))
            : bits(high, group - 2, 4, code);
        return v128.or(bits(v128.load(block, 32 + 32 * (group >> 2) + 16 * i), 2 * (group & 3), 3, code), third);
      });
    },
    factor: half(108),
    subScale(block, sub) {
      const low = byteBits(block, 96 + (sub & 7), 4 * (sub >> 3), 15);
      return i32.sub(i32.or(low, i32.shl(byteBits(block, 104 + (sub & 3), 2 * (sub >> 2), 3), 4)), 32);
    },
  },
  Q4_K: {
    values: 256,
    bytes: 144,
    codes: (code, block, group) =>
      both((i) => bits(v128.load(block, 16 + 32 * (group >> 1) + 16 * i), 4 * (group & 1), 15, code)),
    factor: half(0),
    minimumFactor: minusHalf(2),
    subScale: sixBits(4, 0),
    subMinimum: sixBits(4, 4),
  },
  Q5_K: {
    values: 256,
    bytes: 176,
    codes(code, block, group) {
      return both((i) => {
        const high = v128.load(block, 16 + 16 * i);
        const fifth =
          group <= 4
            ? v128.and(i16x8.shl(high, 4 - group), code.module.splatConstantI8(16))
            : bits(high, group - 4, 16, code);
        return v128.or(bits(v128.load(block, 48 + 32 * (group >> 1) + 16 * i), 4 * (group & 1), 15, code), fifth);
      });
    },
    factor: half(0),
    minimumFactor: minusHalf(2),
    subScale: sixBits(4, 0),
    subMinimum: sixBits(4, 4),
  },
  Q6_K: {
    values: 256,
    bytes: 210,
    codes(code, block, group) {
      const inHalf = group & 3;
      return both((i) => {
        const low = bits(v128.load(block, 64 * (group >> 2) + 32 * (inHalf & 1) + 16 * i), 4 * (inHalf >> 1), 15, code);
        const high = bits(v128.load(block, 128 + 32 * (group >> 2) + 16 * i), 2 * inHalf, 3, code);
        return v128.or(low, i16x8.shl(high, 4));
      });
    },
    factor: half(208),
    subScale: (block, sub) => i32.load8U(block, 192 + sub),
  },
  IQ4_XS: {
    values: 256,
    bytes: 136,
    codes: (code, block, group) => nibbles(code, block, 8 + 16 * group),
    factor: half(0),
    subScale(block, sub) {
      const low = byteBits(block, 4 + (sub >> 1), 4 * (sub & 1), 15);
      return i32.sub(i32.or(low, i32.shl(byteBits(block, 2 + (sub >> 2), 2 * (sub & 3), 3), 4)), 32);
    },
  },
} as const satisfies Record<string, FileBlock>;
