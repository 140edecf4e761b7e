import { planeCount, type ProductMode } from './dot-accumulator.js';
import type { ProductSpec } from './group-activations.js';
import { hasIntegerScales, integerScalesLayout, type IntegerScalesLayout } from './integer-scales.js';
import { GROUP_STEPS, GROUP_VALUES, PAIR_BYTES } from './quant-spec.js';
import { SPARE_BYTES } from './store-rows.js';

export interface UnpackedLayout {
  /** Bytes of the codes of a step. */
  readonly stepBytes: number;
  readonly scales: number;
  readonly minima: number;
  /** In place of scales and minima where they are multiplied as integers. */
  readonly integers: IntegerScalesLayout | undefined;
  /** Bytes of a group. */
  readonly bytes: number;
}

/**
 * Unpacked panels, in scratch: for each group of 32 columns
 *
 * | bytes | content |
 * |---|---|
 * | 0..255 (for modes with two planes 0..511) | codes: 8 steps of 4 columns, each a pair of vectors for each plane |
 * | then 32 for each sub-block | f32 scales of the 8 rows |
 * | then 32 for each sub-block (with minimum only) | f32 minima |
 *
 * With integer scales, what `integerScalesLayout` describes stands in place of scales and minima.
 */
export function unpackedLayout(spec: ProductSpec, mode: ProductMode): UnpackedLayout {
  const subs = GROUP_VALUES / spec.subValues;
  const stepBytes = planeCount(mode) * PAIR_BYTES;
  const scales = stepBytes * GROUP_STEPS;
  const minima = scales + PAIR_BYTES * subs;
  const integers = hasIntegerScales(spec, mode) ? integerScalesLayout(spec, scales) : undefined;
  return {
    stepBytes,
    scales,
    minima,
    integers,
    bytes: integers?.end ?? minima + (spec.minimum ? PAIR_BYTES * subs : 0),
  };
}

/** Columns that tiles work on at a time: two panels of them, unpacked, are less than half of the first-level cache. */
export const CHUNK_COLS = 1024;

/** Bytes of a chunk of a panel, unpacked. */
export function chunkBytes(spec: ProductSpec, mode: ProductMode): number {
  return (CHUNK_COLS / GROUP_VALUES) * unpackedLayout(spec, mode).bytes;
}

/** Bytes of scratch that `matmul` of a quantized format needs in any build: chunks of two panels. */
export function quantScratchBytes(spec: ProductSpec): number {
  return SPARE_BYTES + 2 * chunkBytes(spec, 'words');
}
