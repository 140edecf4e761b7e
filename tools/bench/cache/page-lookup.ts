import { assert } from '@starling/core';
import { KvCache } from '@starling/kvcache';

/** Of 10,000 prompts, so many begin alike with each other: as chats of one application do. */
const FAMILIES = 100;
const PREFIXES = 10_000;
const TOKENS = 8000;
const SHARED_TOKENS = 4000;
const PAGE_TOKENS = 32;
const LOOKUPS = 2000;

/** Milliseconds. */
export interface LookupTimes {
  readonly prefixes: number;
  readonly pages: number;
  readonly medianMs: number;
  readonly p99Ms: number;
}

/** Tokens of one prompt: half of them are its family's. */
function promptOf(prefix: number, into: Uint32Array): Uint32Array {
  const family = prefix % FAMILIES;
  for (let i = 0; i < TOKENS; i++)
    into[i] = Math.imul((i < SHARED_TOKENS ? family : PREFIXES + prefix) + 1, 2654435761 + 97 * i) >>> 15;
  return into;
}

/** Looks prompts up that the cache has but for their last token, among 10,000 of 8,000 tokens. */
export function measureLookup(): LookupTimes {
  const pages = (FAMILIES * SHARED_TOKENS + PREFIXES * (TOKENS - SHARED_TOKENS)) / PAGE_TOKENS;
  const cache = new KvCache({ pageCount: pages + 2 * (TOKENS / PAGE_TOKENS), pageTokens: PAGE_TOKENS });
  const tokens = new Uint32Array(TOKENS);
  for (let prefix = 0; prefix < PREFIXES; prefix++) {
    const { kv } = cache.match('key', promptOf(prefix, tokens), TOKENS);
    const rest = TOKENS - kv.length;
    kv.reserve(rest);
    kv.commit(rest);
    cache.donate('key', tokens.slice(), kv, { partial: true });
    kv.release();
  }
  const times: number[] = [];
  for (let i = 0; i < LOOKUPS; i++) {
    promptOf((i * 7919) % PREFIXES, tokens);
    const start = performance.now();
    const { kv } = cache.match('key', tokens, TOKENS - 1);
    times.push(performance.now() - start);
    assert(kv.length === TOKENS - 1, `${kv.length} tokens were found of ${TOKENS - 1}`);
    kv.release();
  }
  times.sort((a, b) => a - b);
  return {
    prefixes: PREFIXES,
    pages: cache.statistics().cachedPages,
    medianMs: times[times.length >> 1],
    p99Ms: times[Math.floor(times.length * 0.99)],
  };
}
