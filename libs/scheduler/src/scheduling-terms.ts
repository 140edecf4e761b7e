import { StarlingError } from '@starling/core';

/** Who asks, and how soon it is wanted: what a scheduler orders requests by. */
export interface SchedulingTerms {
  /** Larger runs first. Default 0. */
  readonly priority?: number;
  /** The largest priority that the caller may ask for; a larger one counts as this. Default: no bound. */
  readonly maxPriority?: number;
  /** Tenants share what is computed by their weights. Default: the empty name, shared by all who give none. */
  readonly tenant?: string;
  /** Sessions share what their tenant gets. Default: the empty name. */
  readonly session?: string;
  /** A tenant of weight 2 gets twice the time of a tenant of weight 1. Default 1. */
  readonly weight?: number;
  /** A moment on the scheduler's clock after which the sequence ends as `deadline`. */
  readonly deadline?: number;
  /** A moment on the scheduler's clock by which its first step must have begun; else it is dropped from the queue. */
  readonly startBy?: number;
  /** Tokens that will be appended at most, for estimates. Default: what requests need on average. */
  readonly maxTokens?: number;
  /** Tokens of the prompt that are likely to be in a cache: in a session's queue, the longest cached goes first. Default 0. */
  readonly cachedTokens?: number;
}

/** The priority that holds: what is asked for, but no more than the caller may. */
export function boundedPriority({ priority = 0, maxPriority = Infinity }: SchedulingTerms): number {
  return Math.min(priority, maxPriority);
}

/** @throws StarlingError invalid_argument for numbers that are none */
export function checkTerms({
  priority = 0,
  maxPriority = 0,
  weight = 1,
  deadline = 0,
  startBy = 0,
  maxTokens = 0,
  cachedTokens = 0,
}: SchedulingTerms): void {
  if (!(weight > 0 && Number.isFinite(weight)))
    throw new StarlingError('invalid_argument', `a weight is a positive number, not ${weight}`);
  for (const [name, value] of Object.entries({ priority, maxPriority, deadline, startBy, maxTokens, cachedTokens })) {
    if (Number.isNaN(value)) throw new StarlingError('invalid_argument', `${name} is a number, not ${value}`);
  }
}
