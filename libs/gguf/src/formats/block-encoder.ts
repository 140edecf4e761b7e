import { StarlingError, numberToF16 } from '@starling/core';
import { HALF } from './block-bytes.js';

/** Turns values into whole blocks: `count` blocks from the start of `values`, written from the start of `out`. */
export type BlockEncoder = (values: Float32Array, count: number, out: Uint8Array) => void;

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
