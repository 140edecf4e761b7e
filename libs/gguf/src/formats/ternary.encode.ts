import { loadBlock, putHalf, type BlockEncoder } from './block-encoder.js';

/** The ternary formats; the layouts are drawn in ternary.decode.ts. */

const BLOCK = 256;
const x = new Float64Array(BLOCK);
const sorted = new Float64Array(BLOCK);
const digits = new Uint8Array(BLOCK);

/**
 * Fills `digits` with 0, 1 or 2 for -d, 0 and d, and writes d: of all choices the one with the least square error. Whatever d is, the
 * values that are not 0 are the largest; their mean magnitude is then the best d, and the error falls by their sum squared over their count.
 */
function fitTernary(values: Float32Array, from: number, out: Uint8Array, at: number): void {
  loadBlock(values, from, x);
  for (let i = 0; i < BLOCK; i++) sorted[i] = -Math.abs(x[i]);
  sorted.sort();
  let [sum, bestGain, scale] = [0, 0, 0];
  for (let i = 0; i < BLOCK; i++) {
    sum -= sorted[i];
    const gain = (sum / (i + 1)) * sum;
    if (gain > bestGain) [bestGain, scale] = [gain, sum / (i + 1)];
  }
  const half = putHalf(out, at, scale) / 2;
  for (let i = 0; i < BLOCK; i++) digits[i] = half === 0 || Math.abs(x[i]) <= half ? 1 : x[i] < 0 ? 0 : 2;
}

export const encodeTQ1_0: BlockEncoder = (values, count, out) => {
  for (let block = 0, at = 0; block < count; block++, at += 54) {
    fitTernary(values, BLOCK * block, out, at + 52);
    base3(out, at, 32, 5, 0);
    base3(out, at + 32, 16, 5, 160);
    base3(out, at + 48, 4, 4, 240);
  }
};

/** The digits of a byte as a fraction of 256, rounded up: every multiplication by 3 then leaves the next digit whole. */
function base3(out: Uint8Array, at: number, width: number, count: number, from: number): void {
  for (let j = 0; j < width; j++) {
    let number = 0;
    for (let digit = 0; digit < 5; digit++)
      number = 3 * number + (digit < count ? digits[from + width * digit + j] : 0);
    out[at + j] = Math.ceil((number * 256) / 243);
  }
}

export const encodeTQ2_0: BlockEncoder = (values, count, out) => {
  for (let block = 0, at = 0; block < count; block++, at += 66) {
    fitTernary(values, BLOCK * block, out, at + 64);
    for (let i = 0; i < 64; i++) {
      const from = 128 * (i >> 5) + (i & 31);
      out[at + i] = digits[from] | (digits[from + 32] << 2) | (digits[from + 64] << 4) | (digits[from + 96] << 6);
    }
  }
};
