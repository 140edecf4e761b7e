import type { Expr } from '../wasm/expression.js';
import type { CodeBuilder, Local } from '../wasm/function-builder.js';
import { f32x4, i32x4, v128 } from '../wasm/simd-ops.js';
import { ACTIVATION_BLOCK as BLOCK } from './activation-layout.js';
import type { QuantSpec } from './quant-spec.js';

type Vector = Expr<'v128'>;
/** What of a format decides how its products are put together. */
export type ProductSpec = Pick<QuantSpec, 'subValues' | 'offset' | 'maxCode' | 'minimum'>;

/** Emits what is read beside the bytes of one block of activations: splatted to the 4 rows of a panel. */
export class GroupActivations {
  private readonly offsets: Local<'v128'>[];
  private readonly scaleLocal: Local<'v128'>;
  private readonly sums: Local<'v128'>[];

  constructor(
    private readonly f: CodeBuilder,
    spec: ProductSpec,
    private readonly offset: number,
  ) {
    const subs = 32 / spec.subValues;
    this.offsets = offset ? f.locals('v128', subs) : [];
    this.sums = spec.minimum ? f.locals('v128', subs) : [];
    this.scaleLocal = f.local('v128');
  }

  /** Reads what the integer sums start with. @param at offset of the block from `address` */
  readOffsets(address: Local<'i32'>, at: number): void {
    if (this.offsets.length === 0) return;
    const total = v128.load32Splat(address, at + BLOCK.sum);
    const first = v128.load32Splat(address, at + BLOCK.firstHalfSum);
    const sums = this.offsets.length === 1 ? [total] : [first, i32x4.sub(total, first)];
    sums.forEach((sum, i) => this.f.set(this.offsets[i], timesConstant(this.f, sum, this.offset)));
  }

  /** Reads what the sums are scaled with. */
  readScales(address: Local<'i32'>, at: number): void {
    const { f, sums } = this;
    f.set(this.scaleLocal, v128.load32Splat(address, at + BLOCK.scale));
    if (sums.length === 1) f.set(sums[0], v128.load32Splat(address, at + BLOCK.scaledSum));
    if (sums.length !== 2) return;
    const total = v128.load32Splat(address, at + BLOCK.sum);
    const first = v128.load32Splat(address, at + BLOCK.firstHalfSum);
    f.set(sums[0], f32x4.mul(this.scaleLocal, f32x4.convertI32x4S(i32x4.neg(first))));
    f.set(sums[1], f32x4.mul(this.scaleLocal, f32x4.convertI32x4S(i32x4.sub(first, total))));
  }

  /** All that was read. */
  get locals(): readonly Local<'v128'>[] {
    return [...this.offsets, ...this.sums, this.scaleLocal];
  }

  /** Minus the offset of the codes times the sum of the activations of sub-block `sub`. */
  initial(sub: number): Vector | undefined {
    return this.offsets[sub];
  }

  get scale(): Vector {
    return this.scaleLocal;
  }

  /** Scale times sum of the activations of a sub-block. */
  scaledSum(sub: number): Vector {
    return this.sums[sub];
  }
}

/** vector * factor by shifts and additions: multiplying 32-bit lanes is slow. */
function timesConstant(f: CodeBuilder, vector: Vector, factor: number): Vector {
  const bits = [...factor.toString(2)].reverse().flatMap((bit, position) => (bit === '1' ? [position] : []));
  if (bits.length === 1) return i32x4.shl(vector, bits[0]);
  const held = f.local('v128', vector);
  return bits.map((bit): Vector => i32x4.shl(held, bit)).reduce((a, b) => i32x4.add(a, b));
}
