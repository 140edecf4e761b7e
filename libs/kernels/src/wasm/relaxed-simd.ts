import { i32x4 } from './simd-ops.js';
import { ModuleBuilder } from './module-builder.js';

/** Whether this engine compiles relaxed SIMD now (Node 20 needs its flag set before; see `enableRelaxedSimd` in the Node entry). */
export function hasRelaxedSimd(): boolean {
  const module = new ModuleBuilder();
  module.function('probe', { params: ['v128'], result: 'v128' }, (f, x) => f.result(i32x4.relaxedDotI8x16I7x16AddS(x, x, x)));
  return WebAssembly.validate(module.encode());
}
