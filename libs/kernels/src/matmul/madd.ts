import type { Expr } from '../wasm/expression.js';
import { f32x4 } from '../wasm/simd-ops.js';
import type { KernelBuild } from './dot-mode.js';

type Vector = Expr<'v128'>;

/** a * b + c, in one instruction where relaxed ones may be used. */
export function maddFor(build: KernelBuild): (a: Vector, b: Vector, c: Vector) => Vector {
  return build.relaxed ? f32x4.relaxedMadd : (a, b, c) => f32x4.add(f32x4.mul(a, b), c);
}
