import v8 from 'node:v8';

/** Node 20 has relaxed SIMD behind a flag that can be set while running, before the first module is compiled. Later versions have it on. */
export function enableRelaxedSimd(): void {
  if (Number(process.versions.node.split('.')[0]) === 20) v8.setFlagsFromString('--experimental-wasm-relaxed-simd');
}
