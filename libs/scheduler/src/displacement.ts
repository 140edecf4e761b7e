import { StarlingError } from '@starling/core';
import type { QueueLimits, QueuePart } from './admission.js';
import type { DropReason } from './events.js';
import { boundedPriority, type SchedulingTerms } from './scheduling-terms.js';
import type { ScheduledSequence } from './sequence.js';

/** A request that comes to a full queue. */
export type Newcomer = Pick<SchedulingTerms, 'tenant' | 'weight' | 'priority' | 'maxPriority'> & {
  readonly tokens: number;
};

/** The queue that it comes to. */
export interface FullQueue {
  readonly limits: QueueLimits;
  readonly waiting: Iterable<ScheduledSequence>;
  readonly weightOf: (tenant: string) => number;
}

/**
 * Who leaves a full queue for a newcomer. Those of the lowest priority are first; of these the tenant with most of the queue for its weight
 * gives its last. A request of the newcomer's own priority gives way only where its tenant has more, for its weight, than the newcomer's
 * will have with it: so two never displace each other in turn, and all come to have their shares. None gives way to a lower priority.
 * A tenant has that part of the queue which its requests, or the tokens of their prompts, are of what may wait, whichever is more.
 * @param excess what has to leave, at least
 * @returns undefined if that cannot be had
 */
export function displacedBy(
  newcomer: Newcomer,
  excess: QueuePart,
  { limits, waiting, weightOf }: FullQueue,
): readonly ScheduledSequence[] | undefined {
  const { tenant = '', weight = 1, tokens } = newcomer;
  const { queueLimit, queueTokenLimit = Infinity } = limits;
  const priority = boundedPriority(newcomer);
  const all = [...waiting];
  const parts = new Map<string, QueuePart>();
  const partOf = (name: string): QueuePart => parts.get(name) ?? { requests: 0, tokens: 0 };
  const add = (name: string, requests: number, more: number): void =>
    void parts.set(name, { requests: partOf(name).requests + requests, tokens: partOf(name).tokens + more });
  const shareOf = (name: string, its: number): number =>
    Math.max(partOf(name).requests / Math.max(1, queueLimit), partOf(name).tokens / queueTokenLimit) / its;
  for (const one of all) add(one.tenant, 1, one.promptLength);
  add(tenant, 1, tokens);

  const candidates = all.filter((one) => one.request.isInternal !== true && one.priority <= priority);
  const displaced: ScheduledSequence[] = [];
  for (let { requests, tokens: left } = excess; requests > 0 || left > 0; ) {
    const lowest = candidates.reduce((least, one) => Math.min(least, one.priority), Infinity);
    const most = lowest < priority ? -1 : shareOf(tenant, weight);
    const [victim] = candidates
      .filter((one) => one.priority === lowest)
      .map((one) => ({ one, share: shareOf(one.tenant, weightOf(one.tenant)) }))
      .filter(({ share }) => share > most)
      .sort((a, b) => b.share - a.share || b.one.arrival - a.one.arrival)
      .map(({ one }) => one);
    if (victim === undefined) return undefined;
    candidates.splice(candidates.indexOf(victim), 1);
    displaced.push(victim);
    add(victim.tenant, -1, -victim.promptLength);
    requests--;
    left -= victim.promptLength;
  }
  return displaced;
}

/** Why a request left the queue for another, and the error that says so. Of one in parts, others may have run. */
export function displacement(
  { request }: ScheduledSequence,
  retryAfterMs: number | undefined,
): { readonly reason: DropReason; readonly error: StarlingError } {
  const workSpent = request.isAdmitted === true;
  const reason = workSpent ? 'evicted-displaced' : 'rejected-displaced';
  const message = `the queue was full, and this request gave its place to one of a caller with less of it, or of a higher priority; ${workSpent ? 'a part of it may have been computed' : 'no work was spent on it'}; retry later`;
  return {
    reason,
    error: new StarlingError('queue_full', message, {
      details: { reason, workSpent, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
    }),
  };
}
