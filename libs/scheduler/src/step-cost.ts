/** The size of some work: what a step's time depends on. */
export interface WorkSize {
  /** Steps it needs by itself: 1 for one step. */
  readonly steps: number;
  /** Tokens computed. */
  readonly tokens: number;
  /** Keys that its tokens attend to: the sum of their positions. */
  readonly reads: number;
}

/** Milliseconds: of a step by itself, of a token in it, and of a key that a token attends to. */
export interface StepCosts {
  readonly stepMs: number;
  readonly tokenMs: number;
  readonly readMs: number;
}

/** Keys attended to by `tokens` tokens that begin at position `start`. */
export function readsOf(start: number, tokens: number): number {
  return tokens * start + (tokens * (tokens + 1)) / 2;
}

export function predictMs({ stepMs, tokenMs, readMs }: StepCosts, { steps, tokens, reads }: WorkSize): number {
  return stepMs * steps + tokenMs * tokens + readMs * reads;
}

/** What is assumed before anything was measured: a millisecond a token. Only ratios matter to shares then. */
const ASSUMED_COSTS: StepCosts = { stepMs: 0, tokenMs: 1, readMs: 0 };

/** How much of an observation is left after the next one: the fit forgets within some hundred steps, as machines heat up and neighbours come. */
const MEMORY = 0.99;

/** Steps before the fit is used. */
const MIN_STEPS = 4;

/** How much the newest error counts. */
const ERROR_WEIGHT = 0.1;

/**
 * Fits the three numbers of StepCosts to measured steps: least squares of the relative error, older steps counting less, none of the
 * three negative. Numbers that the steps so far cannot tell apart (one sequence that only decodes) are fitted as far as they go: what
 * is asked of work like that measured is right all the same.
 */
export class StepTimeEstimator {
  /** Normal equations: `(3, 3)` symmetric, and the right-hand side. */
  readonly #xx = new Float64Array(9);
  readonly #xy = new Float64Array(3);
  #steps = 0;
  #largest = 0;
  #costs: StepCosts | undefined;
  #error: number | undefined;

  /** True once enough was measured for predictions in milliseconds. */
  get isFitted(): boolean {
    return this.#steps >= MIN_STEPS;
  }

  get costs(): StepCosts {
    if (!this.isFitted) return ASSUMED_COSTS;
    return (this.#costs ??= this.#solve());
  }

  /** Tokens of the largest step measured: predictions for much larger ones are guesses. */
  get largestStep(): number {
    return this.#largest;
  }

  /** Mean of |predicted - measured| / measured over the last steps, each predicted before it was learnt from; undefined before the first. */
  get errorRatio(): number | undefined {
    return this.#error;
  }

  /**
   * Learns from a step of `tokens` and `reads` that took `ms` milliseconds.
   * @returns |predicted - measured| / measured, undefined while there is no prediction
   */
  observe(tokens: number, reads: number, ms: number): number | undefined {
    if (!(ms > 0) || !Number.isFinite(ms) || tokens <= 0) return undefined;
    let error: number | undefined;
    if (this.isFitted) {
      error = Math.abs(predictMs(this.costs, { steps: 1, tokens, reads }) - ms) / ms;
      this.#error = this.#error === undefined ? error : this.#error + ERROR_WEIGHT * (error - this.#error);
    }
    const row = [1 / ms, tokens / ms, reads / ms];
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j < 3; j++) this.#xx[3 * i + j] = MEMORY * this.#xx[3 * i + j] + row[i] * row[j];
      this.#xy[i] = MEMORY * this.#xy[i] + row[i];
    }
    this.#steps++;
    this.#largest = Math.max(this.#largest, tokens);
    this.#costs = undefined;
    return error;
  }

  /** The best of the seven fits in which some of the numbers are zero and none is negative. */
  #solve(): StepCosts {
    let best: readonly number[] = [0, 0, 0];
    let least = Infinity;
    for (let used = 1; used < 8; used++) {
      const fit = solveSubset(
        this.#xx,
        this.#xy,
        [0, 1, 2].filter((i) => used & (1 << i)),
      );
      if (fit === undefined || fit.some((value) => value < 0)) continue;
      const loss = this.#lossOf(fit);
      if (loss < least * (1 - 1e-9)) [best, least] = [fit, loss];
    }
    return { stepMs: best[0], tokenMs: best[1], readMs: best[2] };
  }

  /** The weighted sum of squares, less its constant, shifted to be positive. */
  #lossOf(fit: readonly number[]): number {
    let loss = 0;
    for (let i = 0; i < 3; i++) {
      loss -= 2 * fit[i] * this.#xy[i];
      for (let j = 0; j < 3; j++) loss += fit[i] * this.#xx[3 * i + j] * fit[j];
    }
    // Each relative observation is 1, so the constant is the sum of weights.
    const constant = (1 - MEMORY ** this.#steps) / (1 - MEMORY);
    return Math.max(0, loss + constant) + 1e-12 * constant;
  }
}

/** Solves the normal equations for some of the three unknowns, the others zero; scaled, so that units do not matter. Undefined if they cannot be told apart. */
function solveSubset(xx: Float64Array, xy: Float64Array, used: readonly number[]): readonly number[] | undefined {
  const scale = used.map((i) => Math.sqrt(xx[3 * i + i]));
  if (scale.some((value) => !(value > 0))) return undefined;
  const rows = used.map((i, a) => [
    ...used.map((j, b) => xx[3 * i + j] / (scale[a] * scale[b]) + (a === b ? 1e-9 : 0)),
    xy[i] / scale[a],
  ]);
  for (let at = 0; at < rows.length; at++) {
    if (Math.abs(rows[at][at]) < 1e-7) return undefined;
    for (let other = 0; other < rows.length; other++) {
      if (other === at) continue;
      const factor = rows[other][at] / rows[at][at];
      for (let k = at; k < rows[other].length; k++) rows[other][k] -= factor * rows[at][k];
    }
  }
  const fit = [0, 0, 0];
  used.forEach((i, a) => (fit[i] = rows[a][used.length] / rows[a][a] / scale[a]));
  return fit;
}
