import { assert } from '@starling/core';
import type { Expr } from '../wasm/expression.js';
import type { CodeBuilder, Local } from '../wasm/function-builder.js';
import { f32x4, i32x4, v128 } from '../wasm/simd-ops.js';
import { ACTIVATION_BLOCK as BLOCK } from './activation-layout.js';
import type { ProductMode } from './dot-accumulator.js';
import { groupHalfSums, hasIntegerScales } from './integer-scales.js';
import { GROUP_VALUES, type QuantSpec } from './quant-spec.js';

/*
 * What is read of a block of activations beside its bytes, each in all lanes: what the integer sums start with, and what they are
 * scaled with. `at` is the block's offset from `address`.
 */

type Vector = Expr<'v128'>;
type Address = Local<'i32'>;

/** What of a format decides how its products are put together. */
export type ProductSpec = Pick<QuantSpec, 'scale' | 'subValues' | 'offset' | 'maxCode' | 'minimum'>;

const subsOf = ({ subValues }: ProductSpec): number => GROUP_VALUES / subValues;

/** Minus the sum of the activations of a sub-block. */
function negativeSum(spec: ProductSpec, address: Address, at: number, sub: number): Vector {
  if (subsOf(spec) === 1) return v128.load32Splat(address, at + BLOCK.sum);
  const halves = groupHalfSums(address, at);
  return i32x4.shrS(sub === 0 ? i32x4.shl(halves, 16) : halves, 16);
}

/** Minus `offset` times the sum of the activations of a sub-block: products of codes are too large by that. */
export function groupInitial(
  spec: ProductSpec,
  offset: number,
  address: Address,
  at: number,
  sub: number,
): Vector | undefined {
  if (offset === 0) return undefined;
  // By shifts and additions: multiplying 32-bit lanes is slow.
  const bits = [...offset.toString(2)].reverse().flatMap((bit, position) => (bit === '1' ? [position] : []));
  return bits
    .map((bit): Vector => i32x4.shl(negativeSum(spec, address, at, sub), bit))
    .reduce((a, b) => i32x4.add(a, b));
}

/** The scale of the activations. */
export function groupScale(address: Address, at: number): Vector {
  return v128.load32Splat(address, at + BLOCK.scale);
}

/** The scale times the sum of the activations of a sub-block. */
export function groupScaledSum(spec: ProductSpec, address: Address, at: number, sub: number): Vector {
  if (subsOf(spec) === 1) return v128.load32Splat(address, at + BLOCK.scaledSum);
  return f32x4.mul(groupScale(address, at), f32x4.convertI32x4S(i32x4.neg(negativeSum(spec, address, at, sub))));
}

/** The same kept in locals, for use with many rows. */
export class GroupActivations {
  private readonly initials: readonly Local<'v128'>[];
  private readonly sums: readonly Local<'v128'>[];
  private readonly scaleLocal: Local<'v128'>;
  private readonly halfSumsLocal: Local<'v128'> | undefined;

  constructor(
    private readonly f: CodeBuilder,
    private readonly spec: ProductSpec,
    private readonly offset: number,
    mode: ProductMode,
  ) {
    const integers = hasIntegerScales(spec, mode);
    this.initials = offset && !integers ? f.locals('v128', subsOf(spec)) : [];
    this.sums = spec.minimum && !integers ? f.locals('v128', subsOf(spec)) : [];
    this.scaleLocal = f.local('v128');
    if (integers) this.halfSumsLocal = f.local('v128');
  }

  readInitials(address: Address, at: number): void {
    if (this.halfSumsLocal) this.f.set(this.halfSumsLocal, groupHalfSums(address, at));
    this.initials.forEach((local, sub) =>
      this.f.set(local, groupInitial(this.spec, this.offset, address, at, sub) ?? local),
    );
  }

  readScales(address: Address, at: number): void {
    this.f.set(this.scaleLocal, groupScale(address, at));
    this.sums.forEach((local, sub) => this.f.set(local, groupScaledSum(this.spec, address, at, sub)));
  }

  /** All that was read. */
  get locals(): readonly Local<'v128'>[] {
    return [...this.initials, ...this.sums, this.scaleLocal, ...(this.halfSumsLocal ? [this.halfSumsLocal] : [])];
  }

  initial(sub: number): Vector | undefined {
    return this.initials[sub];
  }

  get scale(): Vector {
    return this.scaleLocal;
  }

  /** For formats with integer scales. */
  get halfSums(): Vector {
    assert(this.halfSumsLocal !== undefined, 'the format has integer scales');
    return this.halfSumsLocal;
  }

  scaledSum(sub: number): Vector {
    return this.sums[sub];
  }
}
