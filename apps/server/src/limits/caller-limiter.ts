import { StarlingError } from '@starling/core';
import type { Principal } from '../access/principal.js';
import type { Lease, LimitStore, WindowCount } from './limit-store.js';

/** Limits are by the minute. */
export const WINDOW_SECONDS = 60;
/** When a place may be free again nobody knows. */
const CONCURRENCY_RETRY_MS = 1000;

/** What became of a request that asked to be let in. */
export interface Admission {
  /** Why it is not; absent: it is. */
  readonly refusal?: StarlingError;
  /** What is left to the caller: `x-ratelimit-*`. */
  readonly headers: Readonly<Record<string, string>>;
  /** The request is over and has cost so many tokens. Once; not for one that was refused. */
  end(tokens: number): Promise<void>;
}

const UNLIMITED: Admission = { headers: {}, end: () => Promise.resolve() };

/**
 * Holds callers to their limits. Tokens are counted when a request is over, since nobody knows before what it takes: who has used up the
 * minute's waits for the next, and what is under way is not cut.
 */
export class CallerLimiter {
  readonly #store: () => LimitStore;

  /** @param store read anew for each request */
  constructor(store: () => LimitStore) {
    this.#store = store;
  }

  async admit({ name, tenant, limits }: Principal): Promise<Admission> {
    const { requestsPerMinute, tokensPerMinute, concurrency } = limits;
    if (requestsPerMinute === undefined && tokensPerMinute === undefined && concurrency === undefined) return UNLIMITED;
    const store = this.#store();
    const tokens =
      tokensPerMinute === undefined
        ? undefined
        : ({ what: 'tokens', limit: tokensPerMinute, ...(await store.read(`tokens:${tenant}`)) } as const);
    const lease = concurrency === undefined ? undefined : await store.acquire(tenant, concurrency);
    const hasPlace = concurrency === undefined || lease !== undefined;
    // What is refused for another reason is not counted against the minute.
    const counts = hasPlace && (tokens === undefined || tokens.used < tokens.limit);
    const asked = `requests:${tenant}`;
    const requests =
      requestsPerMinute === undefined
        ? undefined
        : ({
            what: 'requests',
            limit: requestsPerMinute,
            ...(await (counts ? store.add(asked, 1) : store.read(asked))),
          } as const);
    const allowances = [requests, tokens].filter((one) => one !== undefined);
    const refusal =
      (requests && refusalOf(name, requests, counts ? 0 : 1)) ??
      (tokens && refusalOf(name, tokens, 1)) ??
      (hasPlace
        ? undefined
        : refused(
            `the key "${name}" may have ${concurrency} requests under way at once: wait for one to end`,
            'concurrency',
            CONCURRENCY_RETRY_MS,
          ));
    if (refusal !== undefined) await lease?.release();
    const headers = Object.assign({}, ...allowances.map(headersOf)) as Record<string, string>;
    return {
      ...(refusal && { refusal }),
      headers,
      end: (spent) => this.#end(store, tenant, tokensPerMinute, lease, spent),
    };
  }

  async #end(
    store: LimitStore,
    tenant: string,
    tokensPerMinute: number | undefined,
    lease: Lease | undefined,
    spent: number,
  ): Promise<void> {
    await lease?.release();
    if (tokensPerMinute !== undefined && spent > 0) await store.add(`tokens:${tenant}`, spent);
  }
}

/** What a caller may have of something in a minute, and has had. */
interface Allowance extends WindowCount {
  readonly what: 'requests' | 'tokens';
  readonly limit: number;
}

/** @param needed beside what is counted already */
function refusalOf(name: string, { what, limit, used, msLeft }: Allowance, needed: number): StarlingError | undefined {
  if (used + needed <= limit) return undefined;
  return refused(
    `the key "${name}" may have ${limit} ${what} a minute, and they are used up; try again in ${Math.ceil(msLeft / 1000)}s`,
    what,
    msLeft,
  );
}

function refused(message: string, limit: Allowance['what'] | 'concurrency', retryAfterMs: number): StarlingError {
  return new StarlingError('rate_limited', message, {
    details: { reason: 'rejected-rate-limit', workSpent: false, limit, retryAfterMs },
  });
}

/** In the words of OpenAI's API, whose clients show them. */
function headersOf({ what, limit, used, msLeft }: Allowance): Record<string, string> {
  return {
    [`x-ratelimit-limit-${what}`]: String(limit),
    [`x-ratelimit-remaining-${what}`]: String(Math.max(0, limit - used)),
    [`x-ratelimit-reset-${what}`]: `${Math.ceil(msLeft / 1000)}s`,
  };
}
