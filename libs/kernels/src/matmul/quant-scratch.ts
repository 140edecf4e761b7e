import type { ProductSpec } from './group-activations.js';
import { GROUP_STEPS, GROUP_VALUES, PAIR_BYTES } from './quant-spec.js';

/**
 * Unpacked panels, in scratch: for each group of 32 columns
 *
 * | bytes | content |
 * |---|---|
 * | 0..255 | codes: 8 steps of 4 columns, each a pair of vectors |
 * | then 32 for each sub-block | f32 scales of the 8 rows |
 * | then 32 for each sub-block (with minimum only) | f32 minima |
 */
export function unpackedLayout(spec: ProductSpec): { readonly scales: number; readonly minima: number; readonly bytes: number } {
  const subs = GROUP_VALUES / spec.subValues;
  const scales = PAIR_BYTES * GROUP_STEPS;
  const minima = scales + PAIR_BYTES * subs;
  return { scales, minima, bytes: minima + (spec.minimum ? PAIR_BYTES * subs : 0) };
}

/** Bytes of scratch that `matmul` of a quantized format needs: two unpacked panels. */
export function quantScratchBytes(spec: ProductSpec, cols: number): number {
  return 2 * (cols / GROUP_VALUES) * unpackedLayout(spec).bytes;
}
