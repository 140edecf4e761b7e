import { StarlingError, type Clock } from '@starling/core';

/** What one tenant may have at once; absent: no limit of its own. */
export interface TenantLimits {
  /** Sequences that hold a slot: 1 or more. Others wait, without keeping other tenants back. */
  readonly running?: number;
  /** Requests that may wait. */
  readonly queued?: number;
  /** Tokens a minute, prompts and answers: as many at once after a pause. A longer prompt is taken when the whole minute's are there. */
  readonly tokensPerMinute?: number;
}

interface Bucket {
  /** Below zero: answers took more than was there. */
  level: number;
  at: number;
}

const MINUTE_MS = 60_000;

/** Tenants' buckets are looked through for full ones once there are this many. */
const SWEEP_FROM = 256;

/** Counts the tokens of tenants against their minute: a bucket for each that is not full. */
export class TokenRates {
  readonly #clock: Clock;
  readonly #limitOf: (tenant: string) => number;
  readonly #buckets = new Map<string, Bucket>();
  #sweepAt = SWEEP_FROM;

  constructor(clock: Clock, limitOf: (tenant: string) => number) {
    this.#clock = clock;
    this.#limitOf = limitOf;
  }

  /** The error that a prompt of `tokens` is refused with, or undefined if the tenant has that many left. */
  refusal(tenant: string, tokens: number): StarlingError | undefined {
    const limit = this.#limitOf(tenant);
    if (limit === Infinity) return undefined;
    const level = this.#levelOf(tenant, limit);
    const needed = Math.min(tokens, limit);
    if (level >= needed) return undefined;
    const retryAfterMs = Math.ceil(((needed - level) * MINUTE_MS) / limit);
    return new StarlingError(
      'rate_limited',
      `this tenant may have ${limit} tokens a minute and ${Math.max(0, Math.floor(level))} are left, the prompt has ${tokens}; retry in ${Math.ceil(retryAfterMs / 1000)} s`,
      {
        details: {
          reason: 'rejected-rate-limit',
          workSpent: false,
          retryAfterMs,
          tokensPerMinute: limit,
          tokensLeft: Math.floor(level),
          promptTokens: tokens,
        },
      },
    );
  }

  /** Notes tokens of a tenant. */
  spend(tenant: string, tokens: number): void {
    const limit = this.#limitOf(tenant);
    if (limit === Infinity) return;
    const now = this.#clock();
    this.#buckets.set(tenant, { level: this.#levelOf(tenant, limit) - tokens, at: now });
    if (this.#buckets.size < this.#sweepAt) return;
    for (const name of this.#buckets.keys())
      if (this.#levelOf(name, this.#limitOf(name)) >= this.#limitOf(name)) this.#buckets.delete(name);
    this.#sweepAt = Math.max(SWEEP_FROM, 2 * this.#buckets.size);
  }

  #levelOf(tenant: string, limit: number): number {
    const bucket = this.#buckets.get(tenant);
    return bucket === undefined
      ? limit
      : Math.min(limit, bucket.level + ((this.#clock() - bucket.at) * limit) / MINUTE_MS);
  }
}
