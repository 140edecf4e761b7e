import { StarlingError, numberToF16 } from '@starling/core';
import { HALF } from './block-bytes.js';

/**
 * Turns values into whole blocks: `count` blocks from the start of `values`, written from the start of `out`.
 * @param importance what the square error of each value of a row counts, the same for every row: as long as a row, not negative. Without it
 *   all count the same
 */
export type BlockEncoder = (values: Float32Array, count: number, out: Uint8Array, importance?: Float32Array) => void;

const MAX_HALF = 65504;

/** Writes a scale as f16 and gives back the value that was stored. A scale beyond what f16 holds becomes its largest value. */
export function putHalf(out: Uint8Array, at: number, value: number): number {
  const bits = numberToF16(Math.max(-MAX_HALF, Math.min(MAX_HALF, value)));
  out[at] = bits & 255;
  out[at + 1] = bits >> 8;
  return HALF[bits];
}

/**
 * Copies a block's values to doubles.
 * @throws StarlingError invalid_argument if one is infinite or not a number
 */
export function loadBlock(values: Float32Array, from: number, x: Float64Array): void {
  let sum = 0;
  for (let i = 0; i < x.length; i++) {
    const value = values[from + i];
    x[i] = value;
    sum += value - value;
  }
  if (sum === 0) return;
  const at = from + x.findIndex((value) => !Number.isFinite(value));
  throw new StarlingError('invalid_argument', `value ${at} is ${values[at]}: only finite values can be quantized`, {
    details: { index: at },
  });
}

/** What each value of a block counts at least, as a share of the block's mean: else nothing would hold those that count 0. */
const LEAST_SHARE = 1e-4;

/** Copies what the values of a block count, the block that begins at value `from` of all rows; ones without `importance`. */
export function loadWeights(importance: Float32Array | undefined, from: number, weights: Float64Array): void {
  if (importance === undefined) {
    weights.fill(1);
    return;
  }
  const start = from % importance.length;
  let sum = 0;
  for (let i = 0; i < weights.length; i++) sum += importance[start + i];
  if (sum === 0) {
    weights.fill(1);
    return;
  }
  // Of mean 1, so that sums stay far from the ends of the range whatever the unit was.
  const unit = weights.length / sum;
  for (let i = 0; i < weights.length; i++) weights[i] = importance[start + i] * unit + LEAST_SHARE;
}
