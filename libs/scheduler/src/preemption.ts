import type { FairShares } from './fair-shares.js';
import { byRank, type ScheduledSequence } from './sequence.js';

/**
 * Who makes room for whom.
 *
 * Of the running sequences the first in rank (priority, then arrival) loses neither pages nor slot, and may take pages from all others: so it
 * comes to its end, then the next one does. Among the rest, fair shares decide: a tenant takes from another that is ahead of it by more than
 * would have to be computed again; closer than that, rank decides. Two sequences never may take from each other at one time.
 */
export class PreemptionOrder {
  readonly #shares: FairShares;
  readonly #recomputeMs: (tokens: number) => number;

  constructor(shares: FairShares, recomputeMs: (tokens: number) => number) {
    this.#shares = shares;
    this.#recomputeMs = recomputeMs;
  }

  /** The order in which sequences get tokens and pages: priority, then who is owed most, then arrival. */
  readonly byShare = (a: ScheduledSequence, b: ScheduledSequence): number =>
    b.priority - a.priority || this.#shares.compare(a, b) || a.arrival - b.arrival;

  /** The one that nobody takes from. */
  eldest(running: Iterable<ScheduledSequence>): ScheduledSequence | undefined {
    let first: ScheduledSequence | undefined;
    for (const one of running) if (first === undefined || byRank(one, first) < 0) first = one;
    return first;
  }

  /** Whose pages `sequence` takes next: suspended ones first, since they do not run anyway; of each kind the one with the most beyond its share. */
  victimFor(
    sequence: ScheduledSequence,
    suspended: Iterable<ScheduledSequence>,
    running: Iterable<ScheduledSequence>,
  ): ScheduledSequence | undefined {
    const waiting = this.#last(suspended, (one) => one !== sequence);
    if (waiting) return waiting;
    const eldest = this.eldest(running);
    return this.#last(
      running,
      (one) => one !== sequence && one !== eldest && (sequence === eldest || this.#mayTake(sequence, one)),
    );
  }

  /**
   * Whose slot `next` gets when all are taken: of the tenant with the most slots for its weight, the sequence with the fewest tokens computed.
   * Only if that tenant still has as many for its weight as `next`'s afterwards, so that a slot never goes back and forth; or to a higher priority.
   */
  slotFor(next: ScheduledSequence, running: ReadonlySet<ScheduledSequence>): ScheduledSequence | undefined {
    const held = new Map<string, number>();
    for (const { tenant } of running) held.set(tenant, (held.get(tenant) ?? 0) + 1);
    const share = (tenant: string, more = 0): number =>
      ((held.get(tenant) ?? 0) + more) / this.#shares.weightOf(tenant);
    const eldest = this.eldest(running);
    let victim: ScheduledSequence | undefined;
    for (const one of running) {
      if (one === eldest || one.priority > next.priority) continue;
      const isAhead =
        one.tenant !== next.tenant && share(one.tenant) > share(next.tenant, 1) && this.#shares.lead(one, next) >= 0;
      if (one.priority === next.priority && !isAhead) continue;
      const order =
        victim === undefined
          ? -1
          : one.priority - victim.priority ||
            share(victim.tenant) - share(one.tenant) ||
            one.computed - victim.computed ||
            victim.arrival - one.arrival;
      if (order < 0) victim = one;
    }
    return victim;
  }

  #mayTake(taker: ScheduledSequence, holder: ScheduledSequence): boolean {
    if (taker.priority !== holder.priority) return taker.priority > holder.priority;
    const lead = this.#shares.lead(holder, taker);
    const margin = this.#recomputeMs(lead > 0 ? holder.computed : taker.computed);
    return Math.abs(lead) > margin ? lead > 0 : byRank(taker, holder) < 0;
  }

  #last(
    victims: Iterable<ScheduledSequence>,
    mayLose: (one: ScheduledSequence) => boolean,
  ): ScheduledSequence | undefined {
    let last: ScheduledSequence | undefined;
    for (const one of victims)
      if (one.kv.capacity > 0 && mayLose(one) && (last === undefined || this.byShare(one, last) > 0)) last = one;
    return last;
  }
}
