import { ShareCounters } from './share-counters.js';

/** Who gets the service. */
export interface ShareHolder {
  readonly tenant: string;
  /** Part of a tenant that shares with the tenant's other sessions. Sequences without one share the empty name. */
  readonly session: string;
}

/**
 * What each tenant has had of the machine, and within a tenant each session: counters of virtual service, in milliseconds of steps
 * divided by the tenant's weight.
 *
 * Bound (as of VTC): between two tenants f and g that both have work waiting all the time, service divided by weight differs by at most
 * 2 * max(P, D), where P is the cost of the longest prompt and D that of what one batch decodes until a slot becomes free.
 */
export class FairShares {
  readonly #tenants = new ShareCounters();
  readonly #sessions = new Map<string, ShareCounters>();

  /** Tenants that are remembered. */
  get size(): number {
    return Math.max(this.#tenants.size, this.#sessions.size);
  }

  /** A sequence begins to wait. */
  enter({ tenant, session }: ShareHolder, weight: number): void {
    this.#tenants.enter(tenant, weight);
    let sessions = this.#sessions.get(tenant);
    if (sessions === undefined) this.#sessions.set(tenant, (sessions = new ShareCounters()));
    sessions.enter(session, 1);
  }

  /** A sequence has ended. */
  leave({ tenant, session }: ShareHolder): void {
    this.#tenants.leave(tenant);
    this.#sessions.get(tenant)?.leave(session);
    if (this.#sessions.size <= 2 * this.#tenants.busy + 64) return;
    for (const name of this.#sessions.keys()) if (!this.#tenants.has(name)) this.#sessions.delete(name);
  }

  /** Notes work in milliseconds that was let in; negative: that was done, or is not to be done. */
  reserve({ tenant, session }: ShareHolder, ms: number): void {
    this.#tenants.reserve(tenant, ms);
    this.#sessions.get(tenant)?.reserve(session, ms);
  }

  /** Notes service in milliseconds. @param served of these, what was had of steps */
  charge({ tenant, session }: ShareHolder, ms: number, served = ms): void {
    this.#tenants.charge(tenant, ms, served);
    this.#sessions.get(tenant)?.charge(session, ms, served);
  }

  /** Negative: `a` is owed more than `b`; of two that had the same, the one with less under way. Zero for two of one session. */
  compare(a: ShareHolder, b: ShareHolder): number {
    const lead = this.lead(a, b);
    if (lead !== 0) return lead;
    if (a.tenant !== b.tenant) return this.expectedOf(a.tenant) - this.expectedOf(b.tenant);
    return a.session === b.session ? 0 : this.sessionExpectedOf(a) - this.sessionExpectedOf(b);
  }

  /** By how many milliseconds of service (divided by weight) `ahead` is before `behind`: by tenant, within one tenant by session. */
  lead(ahead: ShareHolder, behind: ShareHolder): number {
    if (ahead.tenant !== behind.tenant)
      return this.#tenants.counterOf(ahead.tenant) - this.#tenants.counterOf(behind.tenant);
    if (ahead.session === behind.session) return 0;
    const sessions = this.#sessions.get(ahead.tenant);
    return sessions === undefined ? 0 : sessions.counterOf(ahead.session) - sessions.counterOf(behind.session);
  }

  /** What a tenant will have had when all that was let in is done: who is let in next has the least. */
  expectedOf(tenant: string): number {
    return this.#tenants.expectedOf(tenant);
  }

  sessionExpectedOf({ tenant, session }: ShareHolder): number {
    return this.#sessions.get(tenant)?.expectedOf(session) ?? 0;
  }

  weightOf(tenant: string): number {
    return this.#tenants.weightOf(tenant);
  }

  /** Milliseconds of steps that a tenant had: of all tenants together, what the steps took. */
  servedOf(tenant: string): number {
    return this.#tenants.servedOf(tenant);
  }

  /** Tenants that are remembered. */
  tenants(): IterableIterator<string> {
    return this.#tenants.keys();
  }

  checkIntegrity(): void {
    this.#tenants.checkIntegrity();
    for (const sessions of this.#sessions.values()) sessions.checkIntegrity();
  }
}
