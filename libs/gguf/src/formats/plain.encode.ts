import { numberToBf16, numberToF16 } from '@starling/core';
import type { BlockEncoder } from './block-encoder.js';

/** Formats without blocks. Infinities and NaN stay what they are. */

export const encodeF32: BlockEncoder = (values, count, out) => {
  out.set(new Uint8Array(values.buffer, values.byteOffset, count * 4));
};

export const encodeF16: BlockEncoder = (values, count, out) => {
  const bits = new Uint32Array(values.buffer, values.byteOffset, count);
  for (let i = 0; i < count; i++) {
    const word = bits[i];
    const exponent = (word >>> 23) & 255;
    let half: number;
    if (exponent > 112 && exponent < 142) {
      // A normal f16 below 2^15: move the exponent's bias and round the fraction to nearest, ties to even; a carry goes into the exponent.
      half = ((word >>> 16) & 0x8000) | (((word & 0x7fffffff) - 0x38000000 + 0xfff + ((word >>> 13) & 1)) >>> 13);
    } else half = numberToF16(values[i]);
    out[2 * i] = half;
    out[2 * i + 1] = half >> 8;
  }
};

export const encodeBF16: BlockEncoder = (values, count, out) => {
  const bits = new Uint32Array(values.buffer, values.byteOffset, count);
  for (let i = 0; i < count; i++) {
    const word = bits[i];
    const brain =
      (word & 0x7fffffff) > 0x7f800000 ? numberToBf16(values[i]) : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
    out[2 * i] = brain;
    out[2 * i + 1] = brain >> 8;
  }
};
