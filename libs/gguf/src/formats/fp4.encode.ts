import { loadBlock, loadWeights, putHalf, type BlockEncoder } from './block-encoder.js';
import { FP4_VALUES, IQ4_VALUES, e8m0Half } from './fp4.js';
import { ROUND } from './fit.js';

/** The 4-bit formats with uneven steps; the layouts are drawn in fp4.decode.ts. Each takes the scale of least square error. */

const x32 = new Float64Array(32);
const x256 = new Float64Array(256);
const w32 = new Float64Array(32);
const w256 = new Float64Array(256);
const groupScales = new Float64Array(8);
const groupSteps = new Int8Array(8);
const places = new Uint8Array(256);

/** Nearest of the sixteen values for each half step from -128 to 127.5: all midpoints between neighbours are whole or half numbers. */
const NEAREST_IQ4 = Uint8Array.from({ length: 512 }, (_, i) => {
  const middle = (i - 256) / 2 + 0.25;
  return IQ4_VALUES.reduce(
    (best, value, place) => (Math.abs(value - middle) < Math.abs(IQ4_VALUES[best] - middle) ? place : best),
    0,
  );
});

function nearestIq4(value: number): number {
  const half = value * 2 + 256;
  return half < 0 ? 0 : half >= 512 ? 15 : NEAREST_IQ4[half | 0];
}

/** Where the largest value of a group is put, to find its scale: around the outermost values on both sides. */
const IQ4_TARGETS = [-137, -131, -125, -119, -113, 103, 109, 115, 121, 127, 133];

/** The scale for which the sixteen IQ4 values come nearest to the 32 values at `from`, whose weights are those of `w`. */
function fitIq4(x: Float64Array, w: Float64Array, from: number): number {
  let extreme = 0;
  for (let i = from; i < from + 32; i++) if (Math.abs(x[i]) > Math.abs(extreme)) extreme = x[i];
  if (extreme === 0) return 0;
  let bestXv = 0;
  let bestVv = 1;
  for (const target of IQ4_TARGETS) {
    const inverse = target / extreme;
    let xv = 0;
    let vv = 0;
    for (let i = from; i < from + 32; i++) {
      const value = IQ4_VALUES[nearestIq4(x[i] * inverse)];
      const weighted = w[i] * value;
      xv += x[i] * weighted;
      vv += weighted * value;
    }
    if (xv * xv * bestVv > bestXv * bestXv * vv) {
      bestXv = xv;
      bestVv = vv;
    }
  }
  return bestXv / bestVv;
}

export const encodeIQ4_NL: BlockEncoder = (values, count, out, importance) => {
  for (let block = 0, at = 0; block < count; block++, at += 18) {
    loadBlock(values, block * 32, x32);
    loadWeights(importance, block * 32, w32);
    const scale = putHalf(out, at, fitIq4(x32, w32, 0));
    const inverse = scale === 0 ? 0 : 1 / scale;
    for (let j = 0; j < 16; j++)
      out[at + 2 + j] = nearestIq4(x32[j] * inverse) | (nearestIq4(x32[j + 16] * inverse) << 4);
  }
};

export const encodeIQ4_XS: BlockEncoder = (values, count, out, importance) => {
  for (let block = 0, at = 0; block < count; block++, at += 136) {
    loadBlock(values, block * 256, x256);
    loadWeights(importance, block * 256, w256);
    let extreme = 0;
    for (let group = 0; group < 8; group++) {
      groupScales[group] = fitIq4(x256, w256, group * 32);
      if (Math.abs(groupScales[group]) > Math.abs(extreme)) extreme = groupScales[group];
    }
    let d = putHalf(out, at, -extreme / 32);
    let xv = 0;
    let vv = 0;
    for (let group = 0; group < 8; group++) {
      const step = d === 0 ? 0 : Math.max(-32, Math.min(31, groupScales[group] / d + ROUND - ROUND));
      groupSteps[group] = step;
      choosePlaces(group * 32, d * step);
      for (let i = group * 32; i < group * 32 + 32; i++) {
        const value = step * IQ4_VALUES[places[i]];
        const weighted = w256[i] * value;
        xv += x256[i] * weighted;
        vv += weighted * value;
      }
    }
    if (vv > 0) d = putHalf(out, at, xv / vv);
    out.fill(0, at + 2, at + 8);
    for (let group = 0; group < 8; group++) {
      choosePlaces(group * 32, d * groupSteps[group]);
      const stored = groupSteps[group] + 32;
      out[at + 2 + (group >> 2)] |= (stored >> 4) << (2 * (group & 3));
      out[at + 4 + (group >> 1)] |= (stored & 15) << (4 * (group & 1));
      for (let j = 0; j < 16; j++)
        out[at + 8 + group * 16 + j] = places[group * 32 + j] | (places[group * 32 + 16 + j] << 4);
    }
  }
};

function choosePlaces(from: number, scale: number): void {
  const inverse = scale === 0 ? 0 : 1 / scale;
  for (let i = from; i < from + 32; i++) places[i] = nearestIq4(x256[i] * inverse);
}

/** The places of the magnitudes 0 to 12 (rounded to nearest half) among the E2M1 values. */
const NEAREST_FP4 = Uint8Array.from({ length: 25 }, (_, i) => {
  const middle = i / 2 + 0.25;
  return FP4_VALUES.slice(0, 8).reduce(
    (best, value, place) => (Math.abs(value - middle) < Math.abs(FP4_VALUES[best] - middle) ? place : best),
    0,
  );
});

function nearestFp4(value: number): number {
  const halves = Math.abs(value) * 2;
  const place = halves >= 24 ? 7 : NEAREST_FP4[halves | 0];
  return value < 0 && place > 0 ? place | 8 : place;
}

export const encodeMXFP4: BlockEncoder = (values, count, out, importance) => {
  for (let block = 0, at = 0; block < count; block++, at += 17) {
    loadBlock(values, block * 32, x32);
    loadWeights(importance, block * 32, w32);
    const exponent = bestExponent();
    out[at] = exponent;
    const inverse = 1 / e8m0Half(exponent);
    for (let j = 0; j < 16; j++)
      out[at + 1 + j] = nearestFp4(x32[j] * inverse) | (nearestFp4(x32[j + 16] * inverse) << 4);
  }
};

/** The largest exponent for which every step is a finite f32. */
const MAX_EXPONENT = 252;

/** The exponent of least square error for the values in `x32` by the weights in `w32`: one of the two for which the largest of them is near the largest step. */
function bestExponent(): number {
  let max = 0;
  for (let i = 0; i < 32; i++) max = Math.max(max, Math.abs(x32[i]));
  if (max === 0) return 0;
  const first = Math.max(0, Math.floor(Math.log2(max)) - 2 + 127);
  let best = 0;
  let bestError = Infinity;
  for (let exponent = first; exponent <= Math.min(MAX_EXPONENT, first + 1); exponent++) {
    const scale = e8m0Half(exponent);
    const inverse = 1 / scale;
    let error = 0;
    for (let i = 0; i < 32; i++) {
      const difference = x32[i] - FP4_VALUES[nearestFp4(x32[i] * inverse)] * scale;
      error += w32[i] * difference * difference;
    }
    if (error < bestError) {
      bestError = error;
      best = exponent;
    }
  }
  return best;
}
