import type { Expr } from '../wasm/expression.js';
import type { CodeBuilder, Local } from '../wasm/function-builder.js';
import type { ModuleBuilder } from '../wasm/module-builder.js';
import { f32, i32 } from '../wasm/scalar-ops.js';
import { f32x4, i16x8, i32x4, i8x16, v128 } from '../wasm/simd-ops.js';
import { ACTIVATION_BLOCK as BLOCK } from './activation-layout.js';
import { GROUP_VALUES } from './quant-spec.js';

type Vector = Expr<'v128'>;

/** The bits of the float 1.5 * 2^23: added to a number below 2^22 it rounds that to an integer (half to even), which then stands in the low bits. */
const ROUNDER_BITS = 0x4b400000;
/** Blocks of smaller magnitude count as zeros: 127 / magnitude would overflow. */
const SMALLEST = 2 ** -120;

/** Scales are rounded to the 11 bits that a half float has, as llama.cpp stores them: the products then agree with its own. */
export const DROPPED_BITS = 13;

const SWAP_PAIRS = [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7];
const SWAP_LANES = [4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11];

/**
 * Exports `quantize`: rows of floats to blocks of bytes, see activation-layout.ts.
 * (input, its row stride, output, its row stride, first column, end column, first row, end row); columns are multiples of 32, all
 * strides in bytes. A block with a NaN or an infinity in it gets the scale NaN or infinity, so that the products show it.
 */
export function emitQuantize(module: ModuleBuilder): void {
  const params = ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'] as const;
  module.function(
    'quantize',
    { params, export: true },
    (f, input, inputStride, output, outputStride, colBegin, colEnd, rowBegin, rowEnd) => {
      const [from, to, end] = f.locals('i32', 3);
      const block = new BlockQuantizer(f, f.local('v128', i32x4.splat(module.wordConstant(ROUNDER_BITS))));
      const blocksBefore = f.local('i32', i32.divU(colBegin, GROUP_VALUES));
      f.while(i32.ltU(rowBegin, rowEnd), () => {
        f.set(from, i32.add(i32.add(input, i32.mul(rowBegin, inputStride)), i32.mul(colBegin, 4)));
        f.set(end, i32.add(i32.add(input, i32.mul(rowBegin, inputStride)), i32.mul(colEnd, 4)));
        f.set(to, i32.add(i32.add(output, i32.mul(rowBegin, outputStride)), i32.mul(blocksBefore, BLOCK.bytes)));
        f.while(i32.ltU(from, end), () => {
          block.emit(from, to);
          f.advance(from, 4 * GROUP_VALUES);
          f.advance(to, BLOCK.bytes);
        });
        f.advance(rowBegin, 1);
      });
    },
  );
}

/** Emits the conversion of 32 floats. */
class BlockQuantizer {
  private readonly values: Local<'v128'>[];
  private readonly peak: Local<'v128'>;
  private readonly halves: Local<'v128'>[];
  private readonly largest: Local<'f32'>;
  /** The scale before it is rounded. */
  private readonly exact: Local<'f32'>;
  private readonly scale: Local<'f32'>;
  private readonly bits: Local<'i32'>;
  private readonly total: Local<'i32'>;

  constructor(
    private readonly f: CodeBuilder,
    /** ROUNDER_BITS in all lanes. */
    private readonly rounder: Vector,
  ) {
    this.values = f.locals('v128', 8);
    this.halves = f.locals('v128', 2);
    this.peak = f.local('v128');
    this.largest = f.local('f32');
    this.exact = f.local('f32');
    this.scale = f.local('f32');
    this.bits = f.local('i32');
    this.total = f.local('i32');
  }

  emit(from: Local<'i32'>, to: Local<'i32'>): void {
    const { f, values, peak, halves, largest, exact, scale, total } = this;
    values.forEach((value, i) => f.set(value, v128.load(from, 16 * i)));
    // Floats without a sign are in the order of their bits, and NaN comes last.
    f.set(
      peak,
      values.map((value): Vector => f32x4.abs(value)).reduce((a, b) => i32x4.maxS(a, b)),
    );
    for (const lanes of [SWAP_PAIRS, SWAP_LANES]) f.set(peak, i32x4.maxS(peak, i8x16.shuffle(peak, peak, lanes)));
    f.set(largest, f32x4.extractLane(peak, 0));
    f.set(exact, f32.div(largest, 127));
    f.set(scale, this.rounded(exact));
    f.set(peak, f32x4.splat(f32.select(f32.lt(largest, SMALLEST), 0, f32.div(127, largest))));
    for (const value of values) f.set(value, i32x4.sub(f32x4.add(f32x4.mul(value, peak), this.rounder), this.rounder));
    [0, 1].forEach((half) => {
      const [a, b, c, d] = values.slice(4 * half, 4 * half + 4);
      f.do(v128.store(to, i8x16.narrowI16x8S(i16x8.narrowI32x4S(a, b), i16x8.narrowI32x4S(c, d)), 16 * half));
      f.set(halves[half], i32x4.add(i32x4.add(a, b), i32x4.add(c, d)));
      for (const lanes of [SWAP_PAIRS, SWAP_LANES])
        f.set(halves[half], i32x4.add(halves[half], i8x16.shuffle(halves[half], halves[half], lanes)));
    });
    f.set(total, i32.add(i32x4.extractLane(halves[0], 0), i32x4.extractLane(halves[1], 0)));
    f.do(f32.store(to, scale, BLOCK.scale));
    f.do(i32.store(to, i32.sub(0, total), BLOCK.sum));
    [0, 1].forEach((half) =>
      f.do(i32.store16(to, i32.sub(0, i32x4.extractLane(halves[half], 0)), BLOCK.halfSums + 2 * half)),
    );
    f.do(f32.store(to, this.rounded(f32.mul(exact, f32.convertI32S(total))), BLOCK.scaledSum));
  }

  /** A number rounded to 11 bits, to the nearest, ties to even: on its bits, so without limits of range. */
  private rounded(value: Expr<'f32'>): Expr<'f32'> {
    const { f, bits } = this;
    f.set(bits, i32.reinterpretF32(value));
    f.set(bits, i32.add(bits, i32.add(i32.and(i32.shrU(bits, DROPPED_BITS), 1), 2 ** (DROPPED_BITS - 1) - 1)));
    return f32.reinterpretI32(i32.and(bits, -(2 ** DROPPED_BITS)));
  }
}
