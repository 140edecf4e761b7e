/**
 * Least-squares fits of a group of values to a line of evenly spaced steps. All sums are over the whole group, every value by its weight:
 * what is made smallest is the weighted root mean square error.
 *
 * For one rounding of the values to steps, the best scale (and offset) follow in closed form, and so does the error that is left; so
 * each candidate costs one pass. Candidates are the scales that put the largest value a little beside a step.
 */

/** Adding and taking away this number rounds a double of moderate size to the nearest integer, ties to even. */
export const ROUND = 6755399441055744;

/** Candidates for the inverse scale: the largest value is put at `-low + first + i * step`, for i below `count`, after `-low` itself. */
export interface Candidates {
  readonly first: number;
  readonly step: number;
  readonly count: number;
}

/** A candidate must explain this much more to be taken: of those that are equal but for rounding, the plain one stays. */
const TIE = 1 + 1e-7;

/** How often steps and line are fitted to each other in turn, after the best candidate. */
const REFINEMENTS = 2;

/**
 * The scale s for which steps `s * q`, q an integer in `[low, high]`, come nearest to the `n` values of `x` from `from` on, whose weights
 * are those of `w`; 0 if all values are 0. It may be negative: the range reaches further on its low side, and that side is given to the largest value.
 */
export function fitScale(
  x: Float64Array,
  w: Float64Array,
  from: number,
  n: number,
  low: number,
  high: number,
  candidates: Candidates,
): number {
  const end = from + n;
  let extreme = 0;
  for (let i = from; i < end; i++) if (Math.abs(x[i]) > Math.abs(extreme)) extreme = x[i];
  if (extreme === 0) return 0;
  let bestXq = 0;
  let bestQq = 1;
  for (let candidate = -1; candidate < candidates.count; candidate++) {
    const beside = candidate < 0 ? 0 : candidates.first + candidate * candidates.step;
    const inverse = (low - beside) / extreme;
    let xq = 0;
    let qq = 0;
    for (let i = from; i < end; i++) {
      let q = x[i] * inverse + ROUND - ROUND;
      if (q > high) q = high;
      else if (q < low) q = low;
      const weighted = w[i] * q;
      xq += x[i] * weighted;
      qq += weighted * q;
    }
    if (xq * xq * bestQq > bestXq * bestXq * qq * TIE) {
      bestXq = xq;
      bestQq = qq;
    }
  }
  return bestXq / bestQq;
}

/** A line of steps `scale * q + offset`. */
export interface Line {
  scale: number;
  offset: number;
}

/** Weighted sums over a group: of one, of the values, of the steps chosen last, of their squares, of their products with the values. */
const sums = { w: 0, x: 0, q: 0, qq: 0, xq: 0 };

/**
 * The line for which `scale * q + offset`, q an integer in `[0, high]`, comes nearest to the `n` values of `x` from
 * `from` on, whose weights are those of `w`.
 * @param signedOffset whether the offset may be above 0
 * @param line where the result goes; the scale is never negative
 */
export function fitLine(
  x: Float64Array,
  w: Float64Array,
  from: number,
  n: number,
  high: number,
  candidates: Candidates,
  signedOffset: boolean,
  line: Line,
): void {
  let min = signedOffset ? x[from] : Math.min(0, x[from]);
  let max = x[from];
  sums.w = 0;
  sums.x = 0;
  for (let i = from; i < from + n; i++) {
    const value = x[i];
    if (value < min) min = value;
    if (value > max) max = value;
    sums.w += w[i];
    sums.x += w[i] * value;
  }
  line.scale = 0;
  line.offset = min;
  if (max <= min) return;
  let best = -Infinity;
  for (let candidate = -1; candidate < candidates.count; candidate++) {
    const beside = candidate < 0 ? 0 : candidates.first + candidate * candidates.step;
    sumSteps(x, w, from, n, high, (high + beside) / (max - min), min);
    best = takeBetter(signedOffset, best, line);
  }
  for (let i = 0; i < REFINEMENTS; i++) {
    sumSteps(x, w, from, n, high, 1 / line.scale, line.offset);
    const better = takeBetter(signedOffset, best, line);
    if (better === best) return;
    best = better;
  }
}

/** Rounds the values to steps, and leaves the sums. */
function sumSteps(
  x: Float64Array,
  w: Float64Array,
  from: number,
  n: number,
  high: number,
  inverse: number,
  offset: number,
): void {
  const end = from + n;
  let sq = 0;
  let sqq = 0;
  let sxq = 0;
  for (let i = from; i < end; i++) {
    let q = (x[i] - offset) * inverse + ROUND - ROUND;
    if (q > high) q = high;
    else if (q < 0) q = 0;
    const weighted = w[i] * q;
    sq += weighted;
    sqq += weighted * q;
    sxq += x[i] * weighted;
  }
  sums.q = sq;
  sums.qq = sqq;
  sums.xq = sxq;
}

/** Fits the best line to the steps whose sums are there, and takes it if it explains more than `best`. @returns what the line explains */
function takeBetter(signedOffset: boolean, best: number, line: Line): number {
  const { w: sw, x: sx, q: sq, qq: sqq, xq: sxq } = sums;
  const determinant = sw * sqq - sq * sq;
  let scale = 0;
  let offset = 1;
  if (determinant > 0) {
    scale = (sw * sxq - sx * sq) / determinant;
    offset = (sqq * sx - sq * sxq) / determinant;
  }
  if (offset > 0 && (!signedOffset || determinant <= 0)) {
    offset = 0;
    scale = sqq === 0 ? 0 : sxq / sqq;
  }
  const explained = scale * sxq + offset * sx;
  if (scale <= 0 || explained <= (best < 0 ? best : best * TIE)) return best;
  line.scale = scale;
  line.offset = offset;
  return explained;
}
