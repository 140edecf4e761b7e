import { loadBlock, loadWeights, putHalf, type BlockEncoder } from './block-encoder.js';
import { ROUND, fitLine, fitScale, type Candidates, type Line } from './fit.js';

/** The formats of 32 values with one f16 scale; the layouts are drawn in legacy.decode.ts. Each takes the scale of least square error. */

const x = new Float64Array(32);
const w = new Float64Array(32);
const line: Line = { scale: 0, offset: 0 };

const Q4_0_CANDIDATES: Candidates = { first: -1.2, step: 0.3, count: 8 };
const Q5_0_CANDIDATES: Candidates = { first: -2, step: 0.4, count: 8 };
const Q8_0_CANDIDATES: Candidates = { first: -1, step: 1, count: 1 };
const Q4_1_CANDIDATES: Candidates = { first: -1, step: 0.3, count: 7 };
const Q5_1_CANDIDATES: Candidates = { first: -1, step: 0.3, count: 7 };

/** The step nearest to a value, in `[low, high]`. */
function nearest(value: number, low: number, high: number): number {
  const step = value + ROUND - ROUND;
  return step > high ? high : step < low ? low : step;
}

export const encodeQ4_0: BlockEncoder = (values, count, out, importance) => {
  for (let block = 0, at = 0; block < count; block++, at += 18) {
    loadBlock(values, block * 32, x);
    loadWeights(importance, block * 32, w);
    const scale = putHalf(out, at, fitScale(x, w, 0, 32, -8, 7, Q4_0_CANDIDATES));
    const inverse = scale === 0 ? 0 : 1 / scale;
    for (let j = 0; j < 16; j++) {
      out[at + 2 + j] = (nearest(x[j] * inverse, -8, 7) + 8) | ((nearest(x[j + 16] * inverse, -8, 7) + 8) << 4);
    }
  }
};

export const encodeQ4_1: BlockEncoder = (values, count, out, importance) => {
  for (let block = 0, at = 0; block < count; block++, at += 20) {
    loadBlock(values, block * 32, x);
    loadWeights(importance, block * 32, w);
    fitLine(x, w, 0, 32, 15, Q4_1_CANDIDATES, true, line);
    const scale = putHalf(out, at, line.scale);
    const offset = putHalf(out, at + 2, line.offset);
    const inverse = scale === 0 ? 0 : 1 / scale;
    for (let j = 0; j < 16; j++) {
      out[at + 4 + j] =
        nearest((x[j] - offset) * inverse, 0, 15) | (nearest((x[j + 16] - offset) * inverse, 0, 15) << 4);
    }
  }
};

export const encodeQ5_0: BlockEncoder = (values, count, out, importance) => {
  for (let block = 0, at = 0; block < count; block++, at += 22) {
    loadBlock(values, block * 32, x);
    loadWeights(importance, block * 32, w);
    const scale = putHalf(out, at, fitScale(x, w, 0, 32, -16, 15, Q5_0_CANDIDATES));
    putFiveBits(out, at + 2, 16, scale === 0 ? 0 : 1 / scale, 0);
  }
};

export const encodeQ5_1: BlockEncoder = (values, count, out, importance) => {
  for (let block = 0, at = 0; block < count; block++, at += 24) {
    loadBlock(values, block * 32, x);
    loadWeights(importance, block * 32, w);
    fitLine(x, w, 0, 32, 31, Q5_1_CANDIDATES, true, line);
    const scale = putHalf(out, at, line.scale);
    const offset = putHalf(out, at + 2, line.offset);
    putFiveBits(out, at + 4, 0, scale === 0 ? 0 : 1 / scale, offset);
  }
};

/** Writes the block's steps: fifth bits in four bytes, then nibbles. `bias` steps lie below 0. */
function putFiveBits(out: Uint8Array, at: number, bias: number, inverse: number, offset: number): void {
  out.fill(0, at, at + 4);
  for (let j = 0; j < 16; j++) {
    const low = nearest((x[j] - offset) * inverse, -bias, 31 - bias) + bias;
    const high = nearest((x[j + 16] - offset) * inverse, -bias, 31 - bias) + bias;
    out[at + 4 + j] = (low & 15) | ((high & 15) << 4);
    out[at + (j >> 3)] |= (low >> 4) << (j & 7);
    out[at + 2 + (j >> 3)] |= (high >> 4) << (j & 7);
  }
}

export const encodeQ8_0: BlockEncoder = (values, count, out, importance) => {
  for (let block = 0, at = 0; block < count; block++, at += 34) {
    loadBlock(values, block * 32, x);
    loadWeights(importance, block * 32, w);
    const scale = putHalf(out, at, fitScale(x, w, 0, 32, -128, 127, Q8_0_CANDIDATES));
    const inverse = scale === 0 ? 0 : 1 / scale;
    for (let j = 0; j < 32; j++) out[at + 2 + j] = nearest(x[j] * inverse, -128, 127);
  }
};
