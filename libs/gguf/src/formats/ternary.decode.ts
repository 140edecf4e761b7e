import { halfAt, type BlockDecoder } from './block-bytes.js';

/**
 * Ternary formats of 256 values: d times -1, 0 or 1.
 *
 * | format | bytes of a block                                                            |
 * |--------|-----------------------------------------------------------------------------|
 * | TQ1_0  | five values a byte 0-47 (0-31 for values 0-159), four a byte 48-51; d 52-53 |
 * | TQ2_0  | two bits a value 0-63, those of values 32 apart in one byte; d 64-65        |
 *
 * A byte of TQ1_0 is a fraction of 256 whose first base-3 digits are the values: digit n is the whole part of three times the
 * fraction that is left after n multiplications by 3.
 */

export const decodeTQ1_0: BlockDecoder = (bytes, count, out) => {
  for (let block = 0, at = 0, to = 0; block < count; block++, at += 54, to += 256) {
    const d = halfAt(bytes, at + 52);
    base3(bytes, at, 32, 5, d, out, to);
    base3(bytes, at + 32, 16, 5, d, out, to + 160);
    base3(bytes, at + 48, 4, 4, d, out, to + 240);
  }
};

function base3(
  bytes: Uint8Array,
  at: number,
  width: number,
  digits: number,
  d: number,
  out: Float32Array,
  to: number,
): void {
  for (let digit = 0, power = 1; digit < digits; digit++, power *= 3) {
    for (let j = 0; j < width; j++) out[to++] = (((((bytes[at + j] * power) & 255) * 3) >> 8) - 1) * d;
  }
}

export const decodeTQ2_0: BlockDecoder = (bytes, count, out) => {
  for (let block = 0, at = 0, to = 0; block < count; block++, at += 66) {
    const d = halfAt(bytes, at + 64);
    for (let group = 0; group < 8; group++) {
      const from = at + (group >> 2) * 32;
      const shift = (group & 3) * 2;
      for (let j = 0; j < 32; j++) out[to++] = (((bytes[from + j] >> shift) & 3) - 1) * d;
    }
  }
};
