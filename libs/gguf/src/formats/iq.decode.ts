import { HALF, halfAt, u16At, u32At, type BlockDecoder } from './block-bytes.js';
import { codebook, evenSigns } from './codebooks.js';

/**
 * Formats of 256 values that store places in a codebook: eight values a codeword (IQ1, IQ2) or four (IQ3). Each of the eight groups of
 * 32 has its own scale or two.
 *
 * | format  | bytes of a block                                                                                            |
 * |---------|-------------------------------------------------------------------------------------------------------------|
 * | IQ2_XXS | d 0-1; a group: four codewords (8 bits each), then 4 x 7 sign bits and a 4-bit scale: 2-65                  |
 * | IQ2_XS  | d 0-1; codeword (9 bits) and 7 sign bits: 2-65; two 4-bit scales a group 66-73                              |
 * | IQ2_S   | d 0-1; codewords 2-33; signs 34-65; upper two bits of codewords 66-73; two 4-bit scales a group 74-81       |
 * | IQ3_XXS | d 0-1; codewords 2-65; a group: 4 x 7 sign bits and a 4-bit scale: 66-97                                    |
 * | IQ3_S   | d 0-1; codewords 2-65; ninth bits 66-73; signs 74-105; a 4-bit scale a group 106-109                        |
 * | IQ1_S   | d 0-1; codewords 2-33; a group: upper three bits of four codewords, 3-bit scale, sign of the shift: 34-49   |
 * | IQ1_M   | codewords 0-31; upper three bits and sign of the shift 32-47; four of (four 3-bit scales, 4 bits of d) 48-55|
 */

/** What IQ1 adds to each value of a codeword, up or down. */
const SHIFT = 0.125;

/** Values of one codeword with their signs, times a scale. */
function signed(
  grid: Int8Array,
  from: number,
  width: number,
  signs: number,
  scale: number,
  out: Float32Array,
  to: number,
): void {
  for (let j = 0; j < width; j++) {
    const value = scale * grid[from + j];
    out[to + j] = (signs >> j) & 1 ? -value : value;
  }
}

export const decodeIQ2_XXS: BlockDecoder = (bytes, count, out) => {
  const grid = codebook('iq2xxs');
  for (let block = 0, at = 0, to = 0; block < count; block++, at += 66) {
    const d = halfAt(bytes, at);
    for (let group = 0; group < 8; group++) {
      const from = at + 2 + group * 8;
      const rest = u32At(bytes, from + 4);
      const scale = d * (0.5 + (rest >>> 28)) * 0.25;
      for (let k = 0; k < 4; k++, to += 8)
        signed(grid, bytes[from + k] * 8, 8, evenSigns((rest >>> (7 * k)) & 127), scale, out, to);
    }
  }
};

export const decodeIQ2_XS: BlockDecoder = (bytes, count, out) => {
  const grid = codebook('iq2xs');
  for (let block = 0, at = 0, to = 0; block < count; block++, at += 74) {
    const d = halfAt(bytes, at);
    for (let k = 0; k < 32; k++, to += 8) {
      const code = u16At(bytes, at + 2 + k * 2);
      const scale = d * (0.5 + halfGroupScale(bytes, at + 66, k)) * 0.25;
      signed(grid, (code & 511) * 8, 8, evenSigns(code >> 9), scale, out, to);
    }
  }
};

export const decodeIQ2_S: BlockDecoder = (bytes, count, out) => {
  const grid = codebook('iq2s');
  for (let block = 0, at = 0, to = 0; block < count; block++, at += 82) {
    const d = halfAt(bytes, at);
    for (let k = 0; k < 32; k++, to += 8) {
      const upper = (bytes[at + 66 + (k >> 2)] >> (2 * (k & 3))) & 3;
      const scale = d * (0.5 + halfGroupScale(bytes, at + 74, k)) * 0.25;
      signed(grid, (bytes[at + 2 + k] | (upper << 8)) * 8, 8, bytes[at + 34 + k], scale, out, to);
    }
  }
};

/** The 4-bit scale of codeword k of 32, where each scale serves two codewords. */
function halfGroupScale(bytes: Uint8Array, at: number, k: number): number {
  return (bytes[at + (k >> 2)] >> (2 * (k & 2))) & 15;
}

export const decodeIQ3_XXS: BlockDecoder = (bytes, count, out) => {
  const grid = codebook('iq3xxs');
  for (let block = 0, at = 0, to = 0; block < count; block++, at += 98) {
    const d = halfAt(bytes, at);
    for (let group = 0; group < 8; group++) {
      const rest = u32At(bytes, at + 66 + group * 4);
      const scale = d * (0.5 + (rest >>> 28)) * 0.5;
      for (let k = 0; k < 8; k++, to += 4) {
        const signs = evenSigns((rest >>> (7 * (k >> 1))) & 127) >> ((k & 1) * 4);
        signed(grid, bytes[at + 2 + group * 8 + k] * 4, 4, signs, scale, out, to);
      }
    }
  }
};

export const decodeIQ3_S: BlockDecoder = (bytes, count, out) => {
  const grid = codebook('iq3s');
  for (let block = 0, at = 0, to = 0; block < count; block++, at += 110) {
    const d = halfAt(bytes, at);
    for (let k = 0; k < 64; k++, to += 4) {
      const group = k >> 3;
      const scale = d * (1 + 2 * ((bytes[at + 106 + (group >> 1)] >> ((group & 1) * 4)) & 15));
      const ninth = (bytes[at + 66 + group] >> (k & 7)) & 1;
      const signs = bytes[at + 74 + (k >> 1)] >> ((k & 1) * 4);
      signed(grid, (bytes[at + 2 + k] | (ninth << 8)) * 4, 4, signs, scale, out, to);
    }
  }
};

export const decodeIQ1_S: BlockDecoder = (bytes, count, out) => {
  const grid = codebook('iq1s');
  for (let block = 0, at = 0, to = 0; block < count; block++, at += 50) {
    const d = halfAt(bytes, at);
    for (let k = 0; k < 32; k++) {
      const rest = u16At(bytes, at + 34 + (k >> 2) * 2);
      const scale = d * (2 * ((rest >> 12) & 7) + 1);
      const shift = rest & 0x8000 ? -SHIFT : SHIFT;
      const from = (bytes[at + 2 + k] | (((rest >> (3 * (k & 3))) & 7) << 8)) * 8;
      for (let j = 0; j < 8; j++) out[to++] = scale * (grid[from + j] + shift);
    }
  }
};

export const decodeIQ1_M: BlockDecoder = (bytes, count, out) => {
  const grid = codebook('iq1s');
  for (let block = 0, at = 0, to = 0; block < count; block++, at += 56) {
    let bits = 0;
    for (let j = 0; j < 4; j++) bits |= (bytes[at + 49 + 2 * j] >> 4) << (4 * j);
    const d = HALF[bits];
    for (let k = 0; k < 32; k++) {
      const half = k >> 1;
      const scale = d * (2 * ((u16At(bytes, at + 48 + (half >> 2) * 2) >> (3 * (half & 3))) & 7) + 1);
      const rest = bytes[at + 32 + half] >> ((k & 1) * 4);
      const shift = rest & 8 ? -SHIFT : SHIFT;
      const from = (bytes[at + k] | ((rest & 7) << 8)) * 8;
      for (let j = 0; j < 8; j++) out[to++] = scale * (grid[from + j] + shift);
    }
  }
};
