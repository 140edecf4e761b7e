import { loadBlock, loadWeights, putHalf, type BlockEncoder } from './block-encoder.js';
import { ROUND, fitLine, fitScale, type Candidates, type Line } from './fit.js';
import { packScales3, packScalesAndMins } from './k-scales.js';

/**
 * The formats of 256 values whose group scales are quantized themselves; the layouts are drawn in k-quants.decode.ts.
 *
 * Each group is fitted alone; its scale and min are rounded to what the block can store; then the steps are chosen for the rounded
 * scales, the block's own two scales are fitted to those steps in closed form, and the steps are chosen once more.
 */

const x = new Float64Array(256);
const w = new Float64Array(256);
const steps = new Uint8Array(256);
const line: Line = { scale: 0, offset: 0 };
const fittedScales = new Float64Array(16);
const fittedMins = new Float64Array(16);
const scales = new Uint8Array(16);
const mins = new Uint8Array(16);
const signedScales = new Int16Array(16);

/** What the formats with a min for each group differ in. */
interface LineFormat {
  readonly groups: 8 | 16;
  /** Largest step of a value. */
  readonly high: 3 | 15 | 31;
  /** Largest stored scale and min. */
  readonly scaleHigh: 15 | 63;
  readonly candidates: Candidates;
}

const Q2_K: LineFormat = { groups: 16, high: 3, scaleHigh: 15, candidates: { first: -1, step: 0.2, count: 10 } };
const Q4_K: LineFormat = { groups: 8, high: 15, scaleHigh: 63, candidates: { first: -1, step: 0.25, count: 9 } };
const Q5_K: LineFormat = { groups: 8, high: 31, scaleHigh: 63, candidates: { first: -1, step: 0.25, count: 9 } };

/** Fits the 256 values in `x` to a block with mins: leaves `scales`, `mins` and `steps`, and writes d and dmin at `at`. */
function encodeLines(format: LineFormat, out: Uint8Array, at: number): void {
  const { groups, high, scaleHigh, candidates } = format;
  const size = 256 / groups;
  let maxScale = 0;
  let maxMin = 0;
  for (let group = 0; group < groups; group++) {
    fitLine(x, w, group * size, size, high, candidates, false, line);
    fittedScales[group] = line.scale;
    fittedMins[group] = -line.offset;
    if (line.scale > maxScale) maxScale = line.scale;
    if (-line.offset > maxMin) maxMin = -line.offset;
  }
  let d = putHalf(out, at, maxScale / scaleHigh);
  let dmin = putHalf(out, at + 2, maxMin / scaleHigh);
  let ssqq = 0;
  let smq = 0;
  let mm = 0;
  let sxq = 0;
  let mx = 0;
  for (let group = 0; group < groups; group++) {
    const from = group * size;
    chooseScaleAndMin(format, group, size, d, dmin);
    const s = scales[group];
    const m = mins[group];
    fitSteps(from, size, high, d * s, dmin * m);
    ssqq += s * s * sums.qq;
    smq += s * m * sums.q;
    mm += m * m * sums.w;
    sxq += s * sums.xq;
    mx += m * sums.x;
  }
  // The two scales that are best for these steps; as f16 they may be no better than those there are.
  const errorFor = (scale: number, min: number): number =>
    scale * (scale * ssqq - 2 * sxq - 2 * min * smq) + min * (2 * mx + min * mm);
  const determinant = ssqq * mm - smq * smq;
  const before = errorFor(d, dmin);
  const bestD = determinant > 0 ? (sxq * mm - mx * smq) / determinant : ssqq > 0 ? sxq / ssqq : 0;
  const bestMin = determinant > 0 ? (sxq * smq - mx * ssqq) / determinant : 0;
  const newD = putHalf(out, at, Math.max(0, bestD));
  const newMin = putHalf(out, at + 2, Math.max(0, bestMin));
  if (errorFor(newD, newMin) < before) {
    d = newD;
    dmin = newMin;
  } else {
    putHalf(out, at, d);
    putHalf(out, at + 2, dmin);
  }
  for (let group = 0; group < groups; group++)
    chooseSteps(group * size, size, high, d * scales[group], dmin * mins[group]);
}

/** Weighted sums over the last group given to `fitSteps`: of one, of the steps, their squares, their products with the values, the values. */
const sums = { w: 0, q: 0, qq: 0, xq: 0, x: 0 };

/** Takes the nearest step of each value of a group and leaves `sums`. */
function fitSteps(from: number, size: number, high: number, scale: number, min: number): void {
  const inverse = scale === 0 ? 0 : 1 / scale;
  let sw = 0;
  let sq = 0;
  let sqq = 0;
  let sxq = 0;
  let sx = 0;
  for (let i = from; i < from + size; i++) {
    const value = x[i];
    const weight = w[i];
    let q = (value + min) * inverse + ROUND - ROUND;
    if (q > high) q = high;
    else if (q < 0) q = 0;
    const weighted = weight * q;
    sw += weight;
    sq += weighted;
    sqq += weighted * q;
    sxq += value * weighted;
    sx += value * weight;
  }
  sums.w = sw;
  sums.q = sq;
  sums.qq = sqq;
  sums.xq = sxq;
  sums.x = sx;
}

/** The square error of the last group given to `fitSteps` for a scale and a min, up to a part that is the same for all. */
function errorOf(scale: number, min: number): number {
  return scale * (scale * sums.qq - 2 * sums.xq - 2 * min * sums.q) + min * (2 * sums.x + min * sums.w);
}

/** Leaves the stored scale and min of a group: the scale rounded down or up, the min that is best for its steps. */
function chooseScaleAndMin(format: LineFormat, group: number, size: number, d: number, dmin: number): void {
  const { high, scaleHigh } = format;
  const from = group * size;
  const firstMin = dmin === 0 ? 0 : Math.min(scaleHigh, Math.round(fittedMins[group] / dmin));
  const low = d === 0 ? 0 : Math.min(scaleHigh, Math.floor(fittedScales[group] / d));
  let best = Infinity;
  for (let s = low; s <= Math.min(scaleHigh, low + 1); s++) {
    fitSteps(from, size, high, d * s, dmin * firstMin);
    const m =
      dmin === 0 ? 0 : Math.max(0, Math.min(scaleHigh, Math.round((d * s * sums.q - sums.x) / (sums.w * dmin))));
    if (m !== firstMin) fitSteps(from, size, high, d * s, dmin * m);
    const error = errorOf(d * s, dmin * m);
    if (error < best) {
      best = error;
      scales[group] = s;
      mins[group] = m;
    }
  }
}

/** The nearest step of each value of a group, in `[0, high]`. */
function chooseSteps(from: number, size: number, high: number, scale: number, min: number): void {
  const inverse = scale === 0 ? 0 : 1 / scale;
  for (let i = from; i < from + size; i++) {
    const q = (x[i] + min) * inverse + ROUND - ROUND;
    steps[i] = q > high ? high : q < 0 ? 0 : q;
  }
}

export const encodeQ2_K: BlockEncoder = (values, count, out, importance) => {
  for (let block = 0, at = 0; block < count; block++, at += 84) {
    loadBlock(values, block * 256, x);
    loadWeights(importance, block * 256, w);
    encodeLines(Q2_K, out, at + 80);
    for (let group = 0; group < 16; group++) out[at + group] = scales[group] | (mins[group] << 4);
    putTwoBits(out, at + 16);
  }
};

/** Writes the low two bits of all steps to 64 bytes: those of values 32 apart share a byte. */
function putTwoBits(out: Uint8Array, at: number): void {
  for (let half = 0; half < 2; half++) {
    for (let j = 0; j < 32; j++) {
      const i = half * 128 + j;
      out[at + half * 32 + j] =
        (steps[i] & 3) | ((steps[i + 32] & 3) << 2) | ((steps[i + 64] & 3) << 4) | ((steps[i + 96] & 3) << 6);
    }
  }
}

export const encodeQ4_K: BlockEncoder = (values, count, out, importance) => {
  for (let block = 0, at = 0; block < count; block++, at += 144) {
    loadBlock(values, block * 256, x);
    loadWeights(importance, block * 256, w);
    encodeLines(Q4_K, out, at);
    packScalesAndMins(scales, mins, out, at + 4);
    putNibblePairs(out, at + 16);
  }
};

export const encodeQ5_K: BlockEncoder = (values, count, out, importance) => {
  for (let block = 0, at = 0; block < count; block++, at += 176) {
    loadBlock(values, block * 256, x);
    loadWeights(importance, block * 256, w);
    encodeLines(Q5_K, out, at);
    packScalesAndMins(scales, mins, out, at + 4);
    for (let j = 0; j < 32; j++) {
      let bits = 0;
      for (let group = 0; group < 8; group++) bits |= (steps[group * 32 + j] >> 4) << group;
      out[at + 16 + j] = bits;
    }
    putNibblePairs(out, at + 48);
  }
};

/** Writes the low nibbles of all steps to 128 bytes: those of neighbouring groups of 32 share a byte. */
function putNibblePairs(out: Uint8Array, at: number): void {
  for (let quarter = 0; quarter < 4; quarter++) {
    for (let j = 0; j < 32; j++)
      out[at + quarter * 32 + j] = (steps[quarter * 64 + j] & 15) | ((steps[quarter * 64 + 32 + j] & 15) << 4);
  }
}

const Q3_K_CANDIDATES: Candidates = { first: -1.2, step: 0.4, count: 6 };
const Q6_K_CANDIDATES: Candidates = { first: -2, step: 0.4, count: 8 };

/**
 * Fits the 256 values in `x` to a block of sixteen groups with a signed scale each: leaves `signedScales` and `steps` (from 0), and
 * writes d at `at`. A value's step reaches from `-bias` to `bias - 1`, a scale from `-scaleBias` to `scaleBias - 1`.
 */
function encodeScales(bias: number, scaleBias: number, candidates: Candidates, out: Uint8Array, at: number): void {
  let extreme = 0;
  for (let group = 0; group < 16; group++) {
    const scale = fitScale(x, w, group * 16, 16, -bias, bias - 1, candidates);
    fittedScales[group] = scale;
    if (Math.abs(scale) > Math.abs(extreme)) extreme = scale;
  }
  let d = putHalf(out, at, -extreme / scaleBias);
  let qx = 0;
  let qq = 0;
  for (let group = 0; group < 16; group++) {
    chooseSignedScale(group, bias, scaleBias, d);
    qx += signedScales[group] * groupSums.xq;
    qq += signedScales[group] * signedScales[group] * groupSums.qq;
  }
  const refitted = qq > 0 ? putHalf(out, at, qx / qq) : d;
  if (refitted * (refitted * qq - 2 * qx) < d * (d * qq - 2 * qx)) d = refitted;
  else putHalf(out, at, d);
  for (let group = 0; group < 16; group++) chooseSignedSteps(group * 16, bias, d * signedScales[group]);
}

/** Weighted sums over a group with the scale that was chosen for it: of the steps squared, and of their products with the values. */
const groupSums = { qq: 0, xq: 0 };

/** Leaves the stored scale of a group, the fitted one rounded down or up, and `groupSums`. */
function chooseSignedScale(group: number, bias: number, scaleBias: number, d: number): void {
  const from = group * 16;
  const down = d === 0 ? 0 : Math.max(-scaleBias, Math.min(scaleBias - 1, Math.floor(fittedScales[group] / d)));
  let best = Infinity;
  for (let s = down; s <= Math.min(scaleBias - 1, down + 1); s++) {
    const inverse = d * s === 0 ? 0 : 1 / (d * s);
    let qq = 0;
    let xq = 0;
    for (let i = from; i < from + 16; i++) {
      let q = x[i] * inverse + ROUND - ROUND;
      if (q > bias - 1) q = bias - 1;
      else if (q < -bias) q = -bias;
      const weighted = w[i] * q;
      qq += weighted * q;
      xq += x[i] * weighted;
    }
    const error = d * s * (d * s * qq - 2 * xq);
    if (error < best) {
      best = error;
      signedScales[group] = s;
      groupSums.qq = qq;
      groupSums.xq = xq;
    }
  }
}

function chooseSignedSteps(from: number, bias: number, scale: number): void {
  const inverse = scale === 0 ? 0 : 1 / scale;
  for (let i = from; i < from + 16; i++) {
    const q = x[i] * inverse + ROUND - ROUND + bias;
    steps[i] = q < 0 ? 0 : q > 2 * bias - 1 ? 2 * bias - 1 : q;
  }
}

export const encodeQ3_K: BlockEncoder = (values, count, out, importance) => {
  for (let block = 0, at = 0; block < count; block++, at += 110) {
    loadBlock(values, block * 256, x);
    loadWeights(importance, block * 256, w);
    encodeScales(4, 32, Q3_K_CANDIDATES, out, at + 108);
    for (let j = 0; j < 32; j++) {
      let bits = 0;
      for (let group = 0; group < 8; group++) bits |= (steps[group * 32 + j] >> 2) << group;
      out[at + j] = bits;
    }
    putTwoBits(out, at + 32);
    for (let group = 0; group < 16; group++) scales[group] = signedScales[group] + 32;
    packScales3(scales, out, at + 96);
  }
};

export const encodeQ6_K: BlockEncoder = (values, count, out, importance) => {
  for (let block = 0, at = 0; block < count; block++, at += 210) {
    loadBlock(values, block * 256, x);
    loadWeights(importance, block * 256, w);
    encodeScales(32, 128, Q6_K_CANDIDATES, out, at + 208);
    for (let half = 0; half < 2; half++) {
      for (let j = 0; j < 32; j++) {
        const i = half * 128 + j;
        out[at + half * 64 + j] = (steps[i] & 15) | ((steps[i + 64] & 15) << 4);
        out[at + half * 64 + 32 + j] = (steps[i + 32] & 15) | ((steps[i + 96] & 15) << 4);
        out[at + 128 + half * 32 + j] =
          (steps[i] >> 4) | ((steps[i + 32] >> 4) << 2) | ((steps[i + 64] >> 4) << 4) | ((steps[i + 96] >> 4) << 6);
      }
    }
    for (let group = 0; group < 16; group++) out[at + 192 + group] = signedScales[group];
  }
};
