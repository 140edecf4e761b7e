import { loadBlock, loadWeights, putHalf, type BlockEncoder } from './block-encoder.js';
import { CodeGrid } from './code-grid.js';

/**
 * The formats of 256 values that are codewords of -1, 0 and 1, all of a codeword an eighth higher or lower; the layouts are drawn in
 * iq.decode.ts. The search is that of iq.encode.ts, for both ways to shift: IQ1_S shifts 32 values together, IQ1_M eight.
 */

const BLOCK = 256;
const SHIFT = 0.125;
const x = new Float64Array(BLOCK);
const w = new Float64Array(BLOCK);
/** Eight values in steps of the scale that is tried, less the shift. */
const y = new Float64Array(8);
/** By eight values: the codeword, and 1 where it is shifted down. */
const codewords = new Uint16Array(32);
const shifts = new Uint8Array(32);
const fitted = new Float64Array(16);
const stored = new Uint8Array(16);

/** What the two differ in: values that share a scale, `d * (2 q + 1)` with q from 0 to 7, and values that are shifted alike. */
interface TernaryFormat {
  readonly group: 16 | 32;
  readonly shifted: 8 | 32;
}

const IQ1_S: TernaryFormat = { group: 32, shifted: 32 };
const IQ1_M: TernaryFormat = { group: 16, shifted: 8 };

/** Where a group's largest magnitude is put to find its scale: beyond 1.125 it is cut. */
const TARGETS = [0.9, 1.05, 1.2, 1.35, 1.5, 1.65, 1.8, 1.95, 2.15, 2.35, 2.6, 2.9, 3.3];
const REFINEMENTS = 2;

/** Weighted sums: of the squares of what was chosen, of its products with the values. */
const sums = { gg: 0, xg: 0 };
const one = { gg: 0, xg: 0 };
const tried = new Uint16Array(4);

/** Chooses codewords of the `n` values from `from` on, all shifted one way, and leaves them in `tried` and sums in `one`. */
function chooseShifted(grid: CodeGrid, from: number, n: number, inverse: number, shift: number): void {
  let gg = 0;
  let xg = 0;
  for (let eight = from, k = 0; eight < from + n; eight += 8, k++) {
    for (let j = 0; j < 8; j++) y[j] = x[eight + j] * inverse - shift;
    const codeword = (tried[k] = grid.nearest(y, 0, w, eight));
    for (let j = 0; j < 8; j++) {
      const value = grid.values[codeword * 8 + j] + shift;
      const weighted = w[eight + j] * value;
      gg += weighted * value;
      xg += weighted * x[eight + j];
    }
  }
  one.gg = gg;
  one.xg = xg;
}

/** Chooses codewords and shifts of the `n` values from `from` on for an inverse scale, and leaves `sums`. */
function choose({ shifted }: TernaryFormat, grid: CodeGrid, from: number, n: number, inverse: number): void {
  sums.gg = 0;
  sums.xg = 0;
  const scale = inverse === 0 ? 0 : 1 / inverse;
  for (let part = from; part < from + n; part += shifted) {
    let least = Infinity;
    let [gg, xg] = [0, 0];
    for (let down = 0; down < 2; down++) {
      chooseShifted(grid, part, shifted, inverse, down === 1 ? -SHIFT : SHIFT);
      const error = scale * (scale * one.gg - 2 * one.xg);
      if (error >= least) continue;
      least = error;
      [gg, xg] = [one.gg, one.xg];
      for (let k = 0; k < shifted / 8; k++) {
        codewords[(part >> 3) + k] = tried[k];
        shifts[(part >> 3) + k] = down;
      }
    }
    sums.gg += gg;
    sums.xg += xg;
  }
}

/** The scale for which codewords come nearest to the values of a group; 0 if all are 0. */
function fitGroup(format: TernaryFormat, grid: CodeGrid, from: number): number {
  const { group } = format;
  let extreme = 0;
  for (let i = from; i < from + group; i++) extreme = Math.max(extreme, Math.abs(x[i]));
  if (extreme === 0) return 0;
  let best = 0;
  let scale = 0;
  const take = (): boolean => {
    if (sums.xg <= 0 || sums.xg * sums.xg <= best * sums.gg) return false;
    [best, scale] = [(sums.xg * sums.xg) / sums.gg, sums.xg / sums.gg];
    return true;
  };
  for (const target of TARGETS) {
    choose(format, grid, from, group, target / extreme);
    take();
  }
  for (let i = 0; i < REFINEMENTS; i++) {
    choose(format, grid, from, group, 1 / scale);
    if (!take()) break;
  }
  return scale;
}

/** Fits the block in `x`: leaves `codewords`, `shifts` and `stored`, and writes d. */
function encodeBlock(format: TernaryFormat, grid: CodeGrid, half: Uint8Array): void {
  const { group } = format;
  const groups = BLOCK / group;
  let largest = 0;
  for (let k = 0; k < groups; k++) {
    fitted[k] = fitGroup(format, grid, k * group);
    largest = Math.max(largest, fitted[k]);
  }
  let d = putHalf(half, 0, largest / 15);
  let gg = 0;
  let xg = 0;
  for (let k = 0; k < groups; k++) {
    chooseScale(format, grid, k, d);
    const scale = 2 * stored[k] + 1;
    gg += scale * scale * sums.gg;
    xg += scale * sums.xg;
  }
  const refitted = gg > 0 ? putHalf(half, 0, Math.max(0, xg / gg)) : d;
  if (refitted * (refitted * gg - 2 * xg) < d * (d * gg - 2 * xg)) d = refitted;
  else putHalf(half, 0, d);
  for (let k = 0; k < groups; k++) choose(format, grid, k * group, group, d === 0 ? 0 : 1 / (d * (2 * stored[k] + 1)));
}

/** Leaves the stored scale of a group, the fitted one rounded down or up, and `sums` for it. */
function chooseScale(format: TernaryFormat, grid: CodeGrid, k: number, d: number): void {
  const { group } = format;
  const low = d === 0 ? 0 : Math.max(0, Math.min(7, Math.floor((fitted[k] / d - 1) / 2)));
  let least = Infinity;
  let [gg, xg] = [0, 0];
  for (let q = low; q <= Math.min(7, low + 1); q++) {
    const scale = d * (2 * q + 1);
    choose(format, grid, k * group, group, scale === 0 ? 0 : 1 / scale);
    const error = scale * (scale * sums.gg - 2 * sums.xg);
    if (error >= least) continue;
    least = error;
    stored[k] = q;
    [gg, xg] = [sums.gg, sums.xg];
  }
  [sums.gg, sums.xg] = [gg, xg];
}

const half = new Uint8Array(2);

export const encodeIQ1_S: BlockEncoder = (values, count, out, importance) => {
  const grid = CodeGrid.of('iq1s');
  for (let block = 0, at = 0; block < count; block++, at += 50) {
    loadBlock(values, block * BLOCK, x);
    loadWeights(importance, block * BLOCK, w);
    encodeBlock(IQ1_S, grid, half);
    out.set(half, at);
    for (let group = 0; group < 8; group++) {
      let rest = (stored[group] << 12) | (shifts[group * 4] << 15);
      for (let k = 0; k < 4; k++) {
        const codeword = codewords[group * 4 + k];
        out[at + 2 + group * 4 + k] = codeword;
        rest |= (codeword >> 8) << (3 * k);
      }
      out[at + 34 + 2 * group] = rest;
      out[at + 35 + 2 * group] = rest >> 8;
    }
  }
};

export const encodeIQ1_M: BlockEncoder = (values, count, out, importance) => {
  const grid = CodeGrid.of('iq1s');
  for (let block = 0, at = 0; block < count; block++, at += 56) {
    loadBlock(values, block * BLOCK, x);
    loadWeights(importance, block * BLOCK, w);
    encodeBlock(IQ1_M, grid, half);
    for (let k = 0; k < 32; k += 2) {
      const rest = (i: number): number => (codewords[i] >> 8) | (shifts[i] << 3);
      out[at + k] = codewords[k];
      out[at + k + 1] = codewords[k + 1];
      out[at + 32 + k / 2] = rest(k) | (rest(k + 1) << 4);
    }
    for (let j = 0; j < 4; j++) {
      let bits = ((half[j >> 1] >> (4 * (j & 1))) & 15) << 12;
      for (let k = 0; k < 4; k++) bits |= stored[4 * j + k] << (3 * k);
      out[at + 48 + 2 * j] = bits;
      out[at + 49 + 2 * j] = bits >> 8;
    }
  }
};
