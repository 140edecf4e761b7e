import { assert } from '@starling/core';
import type { FairShares, ShareHolder } from './fair-shares.js';
import { StepTimeEstimator, predictMs, readsOf } from './step-cost.js';

/** What of a step was one sequence's. */
export interface StepShare {
  readonly holder: ShareHolder;
  readonly startPosition: number;
  readonly tokens: number;
  /** None of its prompt is left to compute: what was reserved and not used is given back. */
  readonly isComplete: boolean;
}

/** Price of a cached token, as a part of that of a computed one. */
const CACHED_TOKEN_PRICE = 0.01;

/**
 * Charges tenants and sessions for what their sequences had of the machine.
 *
 * - The measured time of a step is shared among its sequences: what a step takes by itself and for its tokens by tokens, what it takes
 *   for reading keys by the keys they read. The parts sum to the step's time.
 * - A prompt is reserved, by estimate, when it is admitted, so that a tenant cannot take all free slots before its first step is charged;
 *   each step takes its part off that, and what is left over is given back.
 */
export class WorkLedger {
  readonly estimator = new StepTimeEstimator();
  readonly #shares: FairShares;
  readonly #cachedTokenPrice: number;
  readonly #reserved = new Map<ShareHolder, number>();

  constructor(shares: FairShares, cachedTokenPrice: number = CACHED_TOKEN_PRICE) {
    assert(
      cachedTokenPrice >= 0 && Number.isFinite(cachedTokenPrice),
      'the price of a cached token is a number from 0 up',
    );
    this.#shares = shares;
    this.#cachedTokenPrice = cachedTokenPrice;
  }

  /** Estimated milliseconds of `tokens` that begin at position `start`, in `steps` steps. */
  estimate(start: number, tokens: number, steps = 1): number {
    return predictMs(this.estimator.costs, { steps, tokens, reads: readsOf(start, tokens) });
  }

  /** A sequence got a slot, with `tokens` to compute from position `start` on. */
  admitted(holder: ShareHolder, start: number, tokens: number): void {
    this.refund(holder);
    const ms = this.estimate(start, tokens);
    this.#reserved.set(holder, ms);
    this.#shares.reserve(holder, ms);
  }

  /** `tokens` of its prompt came from a cache. */
  cached(holder: ShareHolder, tokens: number): void {
    this.#shares.charge(holder, this.#cachedTokenPrice * this.estimator.costs.tokenMs * tokens, 0);
  }

  /**
   * A step was computed in `ms` milliseconds; with a clock that stands still its estimated time is charged.
   * @param waitedMs of these, what it stood still for others: nobody is charged for it, but who comes waits for it, so that it counts in estimates
   * @returns the error of the estimate, as StepTimeEstimator.observe
   */
  stepped(parts: readonly StepShare[], ms: number, waitedMs = 0): number | undefined {
    const { stepMs, tokenMs, readMs } = this.estimator.costs;
    const tokens = parts.reduce((sum, part) => sum + part.tokens, 0);
    const sizes = parts.map(
      (part) => (stepMs / tokens + tokenMs) * part.tokens + readMs * readsOf(part.startPosition, part.tokens),
    );
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const charged = ms > 0 ? Math.max(0, ms - waitedMs) : total;
    parts.forEach((part, i) => {
      this.#pay(part.holder, total > 0 ? (charged * sizes[i]) / total : (charged * part.tokens) / tokens);
      if (part.isComplete) this.refund(part.holder);
    });
    return this.estimator.observe(
      tokens,
      parts.reduce((sum, part) => sum + readsOf(part.startPosition, part.tokens), 0),
      ms,
    );
  }

  /** A sequence had so many milliseconds of the machine beside its steps. */
  beside(holder: ShareHolder, ms: number): void {
    this.#shares.charge(holder, ms);
  }

  /** Gives back what was reserved: the sequence lost its slot, or is over. */
  refund(holder: ShareHolder): void {
    const left = this.#reserved.get(holder);
    if (left === undefined) return;
    this.#reserved.delete(holder);
    this.#shares.reserve(holder, -left);
  }

  /** How many sequences have work reserved. */
  get reserved(): number {
    return this.#reserved.size;
  }

  #pay(holder: ShareHolder, ms: number): void {
    const left = this.#reserved.get(holder) ?? 0;
    const fromReserved = Math.min(left, ms);
    if (fromReserved > 0) {
      this.#reserved.set(holder, left - fromReserved);
      this.#shares.reserve(holder, -fromReserved);
    }
    this.#shares.charge(holder, ms);
  }
}
