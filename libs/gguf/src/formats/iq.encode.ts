import { loadBlock, loadWeights, putHalf, type BlockEncoder } from './block-encoder.js';
import { CodeGrid } from './code-grid.js';
import type { CodebookName } from './codebooks.js';

/**
 * The formats of 256 values whose magnitudes are codewords of a codebook; the layouts are drawn in iq.decode.ts.
 *
 * Each group is fitted alone: for candidates of its scale the nearest codewords are chosen, and the scale that is best for them follows in
 * closed form. Group scales are then rounded to the sixteen that the block can store, d is fitted to all codewords, and they are chosen once more.
 */

const BLOCK = 256;
const x = new Float64Array(BLOCK);
const w = new Float64Array(BLOCK);
/** Magnitudes of the values, in steps of the scale that is tried. */
const y = new Float64Array(BLOCK);
/** By eight values, one bit each: the sign, 1 for minus. */
const signs = new Uint8Array(BLOCK / 8);
/** By `width` values. */
const codewords = new Uint16Array(BLOCK / 4);
const fitted = new Float64Array(16);
const stored = new Uint8Array(16);

/** What the formats differ in. */
interface GridFormat {
  readonly book: CodebookName;
  /** Values that share a scale. */
  readonly group: 16 | 32;
  /** A group's scale is `d * unit * (q + 0.5)`, q from 0 to 15. */
  readonly unit: number;
  /** Whether the minus signs of eight values must be even in number. */
  readonly even: boolean;
}

const IQ2_XXS: GridFormat = { book: 'iq2xxs', group: 32, unit: 0.25, even: true };
const IQ2_XS: GridFormat = { book: 'iq2xs', group: 16, unit: 0.25, even: true };
const IQ2_S: GridFormat = { book: 'iq2s', group: 16, unit: 0.25, even: false };
const IQ3_XXS: GridFormat = { book: 'iq3xxs', group: 32, unit: 0.5, even: true };
const IQ3_S: GridFormat = { book: 'iq3s', group: 32, unit: 2, even: false };

/** Where a group's largest magnitude is put to find its scale, as a share of the largest digit: beyond 1 it is cut. */
const TARGETS = [0.7, 0.8, 0.87, 0.94, 1.01, 1.08, 1.15, 1.23, 1.33, 1.45, 1.6];

/** How often codewords and scale are fitted to each other in turn, after the best candidate. */
const REFINEMENTS = 2;

/** Weighted sums over the group whose codewords were chosen last: of their squares, of their products with the values. */
const sums = { gg: 0, xg: 0 };

/** Chooses signs and codewords of the `n` values from `from` on for an inverse scale, and leaves `sums`. */
function choose({ even }: GridFormat, grid: CodeGrid, from: number, n: number, inverse: number): void {
  const { width, values } = grid;
  let gg = 0;
  let xg = 0;
  for (let eight = from; eight < from + n; eight += 8) {
    let minus = 0;
    let odd = 0;
    for (let j = 0; j < 8; j++) {
      const value = x[eight + j];
      y[eight + j] = Math.abs(value) * inverse;
      if (value < 0) {
        minus |= 1 << j;
        odd ^= 1;
      }
    }
    if (even && odd === 1) {
      const j = cheapestFlip(grid, eight);
      minus ^= 1 << j;
      y[eight + j] = -y[eight + j];
    }
    signs[eight >> 3] = minus;
    for (let part = eight; part < eight + 8; part += width) {
      const codeword = grid.nearest(y, part, w, part);
      codewords[part / width] = codeword;
      for (let i = 0, at = codeword * width; i < width; i++, at++) {
        const value = values[at];
        const weighted = w[part + i] * value;
        gg += weighted * value;
        xg += weighted * y[part + i];
      }
    }
  }
  sums.gg = gg;
  sums.xg = inverse === 0 ? 0 : xg / inverse;
}

/** Which of the eight magnitudes in `y` from `eight` on is best given the wrong sign. */
function cheapestFlip(grid: CodeGrid, eight: number): number {
  const { digits } = grid;
  let best = 0;
  let least = Infinity;
  for (let j = 0; j < 8; j++) {
    const value = y[eight + j];
    const cost = w[eight + j] * ((value + digits[0]) ** 2 - (value - digits[grid.digitOf(value)]) ** 2);
    if (cost < least) [least, best] = [cost, j];
  }
  return best;
}

/** The scale for which codewords come nearest to the values of a group; 0 if all are 0. */
function fitGroup(format: GridFormat, grid: CodeGrid, from: number): number {
  const { group } = format;
  const largest = grid.digits[grid.digits.length - 1];
  let extreme = 0;
  for (let i = from; i < from + group; i++) extreme = Math.max(extreme, Math.abs(x[i]));
  if (extreme === 0) return 0;
  let best = 0;
  let scale = 0;
  // Values of one magnitude are the least digit each, which every book has as a codeword.
  for (let i = -1; i < TARGETS.length; i++) {
    choose(format, grid, from, group, (i < 0 ? grid.digits[0] : TARGETS[i] * largest) / extreme);
    if (sums.xg * sums.xg > best * sums.gg) [best, scale] = [(sums.xg * sums.xg) / sums.gg, sums.xg / sums.gg];
  }
  for (let i = 0; i < REFINEMENTS; i++) {
    choose(format, grid, from, group, 1 / scale);
    if (sums.xg * sums.xg <= best * sums.gg) break;
    [best, scale] = [(sums.xg * sums.xg) / sums.gg, sums.xg / sums.gg];
  }
  return scale;
}

/** Fits the block in `x`: leaves `signs`, `codewords` and `stored`, and writes d. */
function encodeBlock(format: GridFormat, grid: CodeGrid, out: Uint8Array, at: number): void {
  const { group, unit } = format;
  const groups = BLOCK / group;
  let largest = 0;
  for (let k = 0; k < groups; k++) {
    fitted[k] = fitGroup(format, grid, k * group);
    largest = Math.max(largest, fitted[k]);
  }
  let d = putHalf(out, at, largest / (unit * 15.5));
  let gg = 0;
  let xg = 0;
  for (let k = 0; k < groups; k++) {
    chooseScale(format, grid, k, d);
    const scale = unit * (stored[k] + 0.5);
    gg += scale * scale * sums.gg;
    xg += scale * sums.xg;
  }
  const refitted = gg > 0 ? putHalf(out, at, Math.max(0, xg / gg)) : d;
  if (refitted * (refitted * gg - 2 * xg) < d * (d * gg - 2 * xg)) d = refitted;
  else putHalf(out, at, d);
  for (let k = 0; k < groups; k++)
    choose(format, grid, k * group, group, d === 0 ? 0 : 1 / (d * unit * (stored[k] + 0.5)));
}

/** Leaves the stored scale of a group, the fitted one rounded down or up, and `sums` for it. */
function chooseScale(format: GridFormat, grid: CodeGrid, k: number, d: number): void {
  const { group, unit } = format;
  const low = d === 0 ? 0 : Math.max(0, Math.min(15, Math.floor(fitted[k] / (d * unit) - 0.5)));
  let least = Infinity;
  let [gg, xg] = [0, 0];
  for (let q = low; q <= Math.min(15, low + 1); q++) {
    const scale = d * unit * (q + 0.5);
    choose(format, grid, k * group, group, scale === 0 ? 0 : 1 / scale);
    const error = scale * (scale * sums.gg - 2 * sums.xg);
    if (error < least) {
      least = error;
      stored[k] = q;
      [gg, xg] = [sums.gg, sums.xg];
    }
  }
  [sums.gg, sums.xg] = [gg, xg];
}

/** An encoder of a format: `put` writes what was chosen for a block, d but for the first two bytes. */
function encoder(format: GridFormat, blockBytes: number, put: (out: Uint8Array, at: number) => void): BlockEncoder {
  return (values, count, out, importance) => {
    const grid = CodeGrid.of(format.book);
    for (let block = 0, at = 0; block < count; block++, at += blockBytes) {
      loadBlock(values, block * BLOCK, x);
      loadWeights(importance, block * BLOCK, w);
      encodeBlock(format, grid, out, at);
      put(out, at + 2);
    }
  };
}

/** Seven sign bits of each of four eights from `first` on, and a scale above them. */
function putSignsAndScale(out: Uint8Array, at: number, first: number, scale: number): void {
  let bits = scale << 28;
  for (let k = 0; k < 4; k++) bits |= (signs[first + k] & 127) << (7 * k);
  for (let i = 0; i < 4; i++) out[at + i] = bits >> (8 * i);
}

/** Two scales a byte, the first low. */
function putScales(out: Uint8Array, at: number, count: number): void {
  for (let k = 0; k < count; k += 2) out[at + k / 2] = stored[k] | (stored[k + 1] << 4);
}

export const encodeIQ2_XXS = encoder(IQ2_XXS, 66, (out, at) => {
  for (let group = 0; group < 8; group++) {
    for (let k = 0; k < 4; k++) out[at + group * 8 + k] = codewords[group * 4 + k];
    putSignsAndScale(out, at + group * 8 + 4, group * 4, stored[group]);
  }
});

export const encodeIQ2_XS = encoder(IQ2_XS, 74, (out, at) => {
  for (let k = 0; k < 32; k++) {
    const code = codewords[k] | ((signs[k] & 127) << 9);
    out[at + 2 * k] = code;
    out[at + 2 * k + 1] = code >> 8;
  }
  putScales(out, at + 64, 16);
});

export const encodeIQ2_S = encoder(IQ2_S, 82, (out, at) => {
  out.fill(0, at + 64, at + 72);
  for (let k = 0; k < 32; k++) {
    out[at + k] = codewords[k];
    out[at + 32 + k] = signs[k];
    out[at + 64 + (k >> 2)] |= (codewords[k] >> 8) << (2 * (k & 3));
  }
  putScales(out, at + 72, 16);
});

export const encodeIQ3_XXS = encoder(IQ3_XXS, 98, (out, at) => {
  for (let k = 0; k < 64; k++) out[at + k] = codewords[k];
  for (let group = 0; group < 8; group++) putSignsAndScale(out, at + 64 + group * 4, group * 4, stored[group]);
});

export const encodeIQ3_S = encoder(IQ3_S, 110, (out, at) => {
  out.fill(0, at + 64, at + 72);
  for (let k = 0; k < 64; k++) {
    out[at + k] = codewords[k];
    out[at + 64 + (k >> 3)] |= (codewords[k] >> 8) << (k & 7);
  }
  for (let k = 0; k < 32; k++) out[at + 72 + k] = signs[k];
  putScales(out, at + 104, 8);
});
