import { StarlingError, type Clock } from '@starling/core';
import type { SchedulingTerms, SequenceEnd } from '@starling/scheduler';

/** Who asks, and how soon it is wanted. */
export interface RequestTerms {
  /** Requests of one tenant (an API key, a user) take turns with those of others, and share what is computed with no other. Default: all that name none are one. */
  readonly tenant?: string;
  /** Part of the tenant that shares with the tenant's other parts. Default: the name of the session that is gone on from, if there is one. */
  readonly session?: string;
  /** A tenant of weight 2 gets twice the time of a tenant of weight 1. Default 1. */
  readonly weight?: number;
  /** Larger runs first. Default 0. */
  readonly priority?: number;
  /** The largest priority that the caller may ask for; a larger one counts as this. Default: no limit. */
  readonly maxPriority?: number;
  /** Milliseconds from now by which its first step must have begun, else it fails with `deadline_exceeded`. Default: it waits. */
  readonly maxWaitMs?: number;
  /** Milliseconds from now after which the answer ends as it is (`deadline`), or fails with `deadline_exceeded` if it has not begun: at once, if the work ahead says so. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

/** The same for the scheduler, whose times are moments on its clock. */
export function schedulingTermsOf(
  { tenant, session, weight, priority, maxPriority, maxWaitMs, deadlineMs }: RequestTerms,
  clock: Clock,
): SchedulingTerms {
  const inMs = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : clock() + ms);
  return { tenant, session, weight, priority, maxPriority, startBy: inMs(maxWaitMs), deadline: inMs(deadlineMs) };
}

/** Why a sequence that has nothing to show unless it is finished came to nothing; undefined if it is. */
export function failureOf(end: SequenceEnd, what: string): StarlingError | undefined {
  if (end.kind === 'finished') return undefined;
  if (end.kind === 'failed') return end.error;
  if (end.kind === 'deadline')
    return new StarlingError(
      'deadline_exceeded',
      `${what} was not done by its deadline; give more time, or retry when less is going on`,
    );
  return new StarlingError('cancelled', `${what} was cancelled`);
}
