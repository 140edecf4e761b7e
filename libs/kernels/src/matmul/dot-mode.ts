import { ModuleBuilder } from '../wasm/module-builder.js';
import { i16x8, i32x4, v128 } from '../wasm/simd-ops.js';
import { hasRelaxedSimd } from '../simd/simd-level.js';

/**
 * How products of 8-bit numbers are summed.
 *
 * - `words`: both widened to 16 bits, plain SIMD128; the same everywhere.
 * - `pairs`: relaxed, where the sum of two neighbouring products is kept in 16 bits and saturates (x86 without VNNI):
 *   weights up to 63 are summed in 16 bits as long as they fit, larger ones take the wide way.
 * - `unsigned`: relaxed, where the second operand is an unsigned byte, exact up to 255 (x86 with VNNI).
 * - `signed`: relaxed, where both operands are signed bytes (Arm dot product).
 *
 * All give the same integers.
 */
export type DotMode = 'words' | 'pairs' | 'unsigned' | 'signed';

/** How a set of kernels is built. */
export interface KernelBuild {
  readonly dot: DotMode;
  /** Whether other relaxed instructions may be used: fused multiply-add, swizzle. */
  readonly relaxed: boolean;
  /** Whether the engine joins pairs of vectors to vectors of 256 bits: kernels then keep twice as many sums in registers. */
  readonly wide: boolean;
  /** Whether the engine's compiler needs to be kept from loading everything first, see Fence. */
  readonly fences: boolean;
}

/** The build that gives the same bits on every machine. */
export const PLAIN_BUILD: KernelBuild = { dot: 'words', relaxed: false, wide: false, fences: true };

let probed: DotMode | undefined;

/**
 * The fastest build for this engine and processor, found out by one try.
 * @param wide whether the engine was told to join vectors, see `compileKernels`
 */
export function fastestBuild(wide = false): KernelBuild {
  if (!hasRelaxedSimd()) return PLAIN_BUILD;
  probed ??= probeDot();
  return { dot: probed, relaxed: true, wide, fences: !wide };
}

/**
 * 4 * 100 * 255 as this machine sees it: unsigned, or signed (255 is -1). Otherwise what a pair of products gives: saturated, or something
 * unknown. (The sum of four is not asked for then: early versions of V8's baseline compiler give twice the sum.)
 */
function probeDot(): DotMode {
  const module = new ModuleBuilder();
  module.importMemory('env', 'memory', { initialPages: 1, maximumPages: 1, shared: false });
  const [activations, codes] = [v128.load(0), v128.load(16)];
  module.function('four', { params: [], result: 'i32', export: true }, (f) =>
    f.result(i32x4.extractLane(i32x4.relaxedDotI8x16I7x16AddS(activations, codes, v128.load(32)), 0)),
  );
  module.function('pair', { params: [], result: 'i32', export: true }, (f) =>
    f.result(i16x8.extractLaneS(i16x8.relaxedDotI8x16I7x16S(activations, codes), 0)),
  );
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  const bytes = new Uint8Array(memory.buffer);
  bytes.fill(100, 0, 16);
  bytes.fill(255, 16, 32);
  const { four, pair } = new WebAssembly.Instance(new WebAssembly.Module(module.encode()), { env: { memory } })
    .exports as Record<string, () => number>;
  const sum = four();
  if (sum === 4 * 100 * 255) return 'unsigned';
  if (sum === -4 * 100) return 'signed';
  return pair() === 32767 ? 'pairs' : 'words';
}
