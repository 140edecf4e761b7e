/**
 * Least-squares fits of a group of values to a line of evenly spaced steps. All sums are over the whole group, every value counts
 * the same: what is made smallest is the root mean square error.
 *
 * For one rounding of the values to steps, the best scale (and offset) follow in closed form, and so does the error that is left; so
 * each candidate costs one pass. Candidates are the scales that put the largest value a little beside a step.
 */

/** Adding and taking away this number rounds a double of moderate size to the nearest integer, ties to even. */
export const ROUND = 6755399441055744;

/** Candidates for the inverse scale: the largest value is put at `-low + first + i * step`, for i below `count`. */
export interface Candidates {
  readonly first: number;
  readonly step: number;
  readonly count: number;
}

/**
 * The scale s for which steps `s * q`, q an integer in `[low, high]`, come nearest to the `n` values of `x` from `from` on; 0 if
 * all are 0. It may be negative: the range reaches further on its low side, and that side is given to the largest value.
 */
export function fitScale(x: Float64Array, from: number, n: number, low: number, high: number, candidates: Candidates): number {
  const end = from + n;
  let extreme = 0;
  for (let i = from; i < end; i++) if (Math.abs(x[i]) > Math.abs(extreme)) extreme = x[i];
  if (extreme === 0) return 0;
  let bestXq = 0;
  let bestQq = 1;
  for (let candidate = 0; candidate < candidates.count; candidate++) {
    const inverse = (low - candidates.first - candidate * candidates.step) / extreme;
    let xq = 0;
    let qq = 0;
    for (let i = from; i < end; i++) {
      let q = x[i] * inverse + ROUND - ROUND;
      if (q > high) q = high;
      else if (q < low) q = low;
      xq += x[i] * q;
      qq += q * q;
    }
    if (xq * xq * bestQq > bestXq * bestXq * qq) {
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

/**
 * The line for which `scale * q + offset`, q an integer in `[0, high]`, comes nearest to the `n` values of `x` from
 * `from` on.
 * @param signedOffset whether the offset may be above 0
 * @param line where the result goes; the scale is never negative
 */
export function fitLine(x: Float64Array, from: number, n: number, high: number, candidates: Candidates, signedOffset: boolean, line: Line): void {
  const end = from + n;
  let min = signedOffset ? x[from] : Math.min(0, x[from]);
  let max = x[from];
  let sx = 0;
  for (let i = from; i < end; i++) {
    const value = x[i];
    if (value < min) min = value;
    if (value > max) max = value;
    sx += value;
  }
  line.scale = 0;
  line.offset = min;
  if (max <= min) return;
  let best = -Infinity;
  for (let candidate = 0; candidate < candidates.count; candidate++) {
    const inverse = (high + candidates.first + candidate * candidates.step) / (max - min);
    let sq = 0;
    let sqq = 0;
    let sxq = 0;
    for (let i = from; i < end; i++) {
      let q = (x[i] - min) * inverse + ROUND - ROUND;
      if (q > high) q = high;
      sq += q;
      sqq += q * q;
      sxq += x[i] * q;
    }
    const determinant = n * sqq - sq * sq;
    if (determinant <= 0) continue;
    let scale = (n * sxq - sx * sq) / determinant;
    let offset = (sqq * sx - sq * sxq) / determinant;
    if (offset > 0 && !signedOffset) {
      offset = 0;
      scale = sxq / sqq;
    }
    const explained = scale * sxq + offset * sx;
    if (explained > best) {
      best = explained;
      line.scale = scale;
      line.offset = offset;
    }
  }
}
