import { ModuleBuilder } from '../wasm/module-builder.js';
import { f32x4, i32x4 } from '../wasm/simd-ops.js';

/** Which SIMD instructions kernels may use. */
export type SimdLevel = 'relaxed' | 'simd128';

let relaxed: boolean | undefined;

/** Whether this engine compiles relaxed SIMD. Asked once. */
export function hasRelaxedSimd(): boolean {
  relaxed ??= WebAssembly.validate(probe());
  return relaxed;
}

function probe(): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder();
  module.function('probe', { params: ['v128', 'v128'], result: 'v128' }, (f, a, b) => {
    f.result(f32x4.relaxedMadd(a, b, i32x4.relaxedDotI8x16I7x16AddS(a, b, a)));
  });
  return module.encode();
}
