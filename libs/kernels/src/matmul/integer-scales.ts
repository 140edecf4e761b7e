import type { Expr } from '../wasm/expression.js';
import type { CodeBuilder, Local } from '../wasm/function-builder.js';
import { f32x4, i16x8, i32x4, v128 } from '../wasm/simd-ops.js';
import { ACTIVATION_BLOCK } from './activation-layout.js';
import type { ConstantPool } from './constant-pool.js';
import type { DotAccumulator, ProductMode } from './dot-accumulator.js';
import type { PanelReader } from './panel-reader.js';
import { PAIR_BYTES, type QuantSpec } from './quant-spec.js';

/*
 * Super-block formats whose scales are bytes for 16 columns: where products are summed in pairs of 16 bits, and multiplied once more to
 * become sums of 32 bits, that multiplication can be the one by the scale. A group then has one integer sum,
 *
 *   sum over its two sub-blocks s of scale[s] * (codes . activations - offset * sum of activations),
 *
 * and is converted and scaled once. It stays below 2^25; the float it becomes is rounded once.
 */

type Vector = Expr<'v128'>;
type Madd = (a: Vector, b: Vector, c: Vector) => Vector;

/** Sub-blocks of a group in these formats. */
const SUBS = 2;
const LOW_HALVES = 0xffff;

/** What of a format decides whether scales are multiplied as integers. */
export type ScaleSpec = Pick<QuantSpec, 'scale' | 'subValues' | 'offset' | 'minimum'>;

/** Whether a format's scales are multiplied as integers. */
export function hasIntegerScales({ scale, subValues }: ScaleSpec, mode: ProductMode): boolean {
  return mode === 'pairs' && scale === 'super' && subValues === 16;
}

/** Constants that functions with integer scales should hold. */
export const integerScaleConstants = { words: [LOW_HALVES] } as const;

/** Minus the sums of the activations of both sub-blocks: pairs of 16-bit numbers, in all lanes. */
export function groupHalfSums(address: Local<'i32'>, at: number): Vector {
  return v128.load32Splat(address, at + ACTIVATION_BLOCK.halfSums);
}

/** The scales of four rows for one group, in locals. */
export class IntegerScales {
  /** By sub-block: its scale, as pairs of equal 16-bit numbers. */
  readonly multipliers: readonly Local<'v128'>[];
  /** Pairs of the scales of both sub-blocks times the offset of the codes. */
  readonly offsets: Local<'v128'> | undefined;
  /** Pairs of the minima of both sub-blocks. */
  readonly minima: Local<'v128'> | undefined;
  private readonly words: readonly Local<'v128'>[];

  constructor(
    private readonly f: CodeBuilder,
    private readonly spec: ScaleSpec,
  ) {
    this.multipliers = f.locals('v128', SUBS);
    this.words = f.locals('v128', SUBS);
    this.offsets = spec.offset ? f.local('v128') : undefined;
    this.minima = spec.minimum ? f.local('v128') : undefined;
  }

  get locals(): readonly Local<'v128'>[] {
    return [...this.multipliers, ...(this.offsets ? [this.offsets] : []), ...(this.minima ? [this.minima] : [])];
  }

  /** Reads the scales of group `group` of a block from a packed panel. */
  read(reader: PanelReader, constants: ConstantPool, place: Local<'i32'>, group: number, half: number): void {
    const { f, words, offsets, minima, spec } = this;
    words.forEach((word, sub) => f.set(word, reader.subByte(place, 'scales', SUBS * group + sub, half)));
    const low = (sub: number): Vector => v128.and(words[sub], constants.words(LOW_HALVES));
    const high = (sub: number): Vector => i32x4.shl(words[sub], 16);
    this.multipliers.forEach((local, sub) => f.set(local, v128.or(high(sub), low(sub))));
    if (offsets) f.set(offsets, times(v128.or(high(1), low(0)), spec.offset, constants));
    if (!minima) return;
    words.forEach((word, sub) => f.set(word, reader.subByte(place, 'minima', SUBS * group + sub, half)));
    f.set(minima, v128.or(high(1), low(0)));
  }

  /** Takes what does not depend on the sub-block from an unpacked panel. */
  load(panel: Local<'i32'>, layout: IntegerScalesLayout, half: number): void {
    const { f, offsets, minima } = this;
    if (offsets) f.set(offsets, v128.load(panel, layout.offsets + 16 * half));
    if (minima) f.set(minima, v128.load(panel, layout.minima + 16 * half));
  }

  /** Takes the scale of one sub-block from an unpacked panel. */
  loadMultiplier(panel: Local<'i32'>, layout: IntegerScalesLayout, half: number, sub: number): void {
    this.f.set(this.multipliers[sub], v128.load(panel, layout.multipliers + PAIR_BYTES * sub + 16 * half));
  }

  /** Begins a sub-block's product, and with the first one the group's. @param halfSums as `groupHalfSums` gives them */
  begin(dot: DotAccumulator, sub: number, halfSums: Vector): void {
    if (sub === 0) dot.begin(this.offsets && i32x4.dotI16x8S(this.offsets, halfSums));
    dot.multiplyBy(this.multipliers[sub]);
  }

  /** sum += a group's product. @param dot is ended @param factor the rows' factors @param minimumFactor those of the minima */
  finish(
    madd: Madd,
    sum: Local<'v128'>,
    dot: DotAccumulator,
    factor: Vector,
    minimumFactor: Vector,
    xScale: Vector,
    halfSums: Vector,
  ): void {
    const { f, minima } = this;
    f.set(sum, madd(f32x4.convertI32x4S(dot.end()), f32x4.mul(factor, xScale), sum));
    if (minima)
      f.set(
        sum,
        madd(f32x4.convertI32x4S(i32x4.dotI16x8S(minima, halfSums)), f32x4.mul(f32x4.neg(minimumFactor), xScale), sum),
      );
  }
}

/** 16-bit numbers times a constant. */
function times(vector: Vector, factor: number, constants: ConstantPool): Vector {
  const shift = Math.log2(factor);
  return Number.isInteger(shift) ? i16x8.shl(vector, shift) : i16x8.mul(vector, constants.words(factor * 0x00010001));
}

/** Where the parts of unpacked integer scales lie in a group's scratch, from `start` on: pairs of vectors, all read as they are. */
export interface IntegerScalesLayout {
  readonly multipliers: number;
  readonly offsets: number;
  readonly minima: number;
  readonly factor: number;
  readonly minimumFactor: number;
  readonly end: number;
}

/**
 * | bytes | content |
 * |---|---|
 * | 64 | multipliers of both sub-blocks |
 * | 32 (with an offset only) | offsets |
 * | 32 (with minimum only) | minima |
 * | 32 | f32 factors of the rows |
 * | 32 (with minimum only) | f32 factors of the minima |
 */
export function integerScalesLayout(
  { offset, minimum }: Pick<ScaleSpec, 'offset' | 'minimum'>,
  start: number,
): IntegerScalesLayout {
  const offsets = start + SUBS * PAIR_BYTES;
  const minima = offsets + (offset ? PAIR_BYTES : 0);
  const factor = minima + (minimum ? PAIR_BYTES : 0);
  const minimumFactor = factor + PAIR_BYTES;
  return {
    multipliers: start,
    offsets,
    minima,
    factor,
    minimumFactor,
    end: minimumFactor + (minimum ? PAIR_BYTES : 0),
  };
}
