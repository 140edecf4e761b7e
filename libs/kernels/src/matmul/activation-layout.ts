import { GROUP_VALUES } from './quant-spec.js';

/**
 * Quantized activations: a row is a run of blocks of 32 values, 48 bytes each.
 *
 * | bytes | content |
 * |---|---|
 * | 0..31 | the values, signed bytes: round(127 x / largest magnitude) |
 * | 32..35 | f32 scale: the largest magnitude / 127, rounded to 11 bits |
 * | 36..39 | i32: minus the sum of the bytes |
 * | 40..43 | two i16: minus the sums of the first and of the last 16 bytes |
 * | 44..47 | f32: the largest magnitude / 127 * sum of the bytes, rounded to 11 bits |
 */
export const ACTIVATION_BLOCK = { bytes: 48, scale: 32, sum: 36, halfSums: 40, scaledSum: 44 } as const;

/** Bytes of a row of quantized activations. */
export function activationRowBytes(cols: number): number {
  return Math.ceil(cols / GROUP_VALUES) * ACTIVATION_BLOCK.bytes;
}
