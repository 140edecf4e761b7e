import { KvCache, cacheKeyOf, type ModelIdentity } from '@starling/kvcache';
import type { ModelParts } from './model-parts.js';
import type { SessionBook } from './session-book.js';

/** The owner of a model's pages, and of what is kept of them between requests. @param sessions what knows the texts of sessions: asked when one is stored or read */
export function modelCache(parts: ModelParts, identity: ModelIdentity, sessions: () => SessionBook): KvCache {
  const { runtime } = parts;
  const { pageCount, pageTokens, pageBytes, windowed } = runtime.info;
  return new KvCache({
    pageCount,
    pageTokens,
    bytesPerPage: pageBytes,
    windowed: windowed && { window: windowed.window, pageCount: windowed.pageCount, bytesPerPage: windowed.pageBytes },
    stateBytes: runtime.stateBytes,
    keepsPrefixes: (parts.prefixCache ?? true) && runtime.info.causal,
    stateLimitBytes: parts.stateCacheBytes,
    clock: parts.clock,
    pages: runtime,
    spill: parts.spillStore && { store: parts.spillStore, patienceMs: parts.spillPatienceMs },
    sessions: { limit: parts.sessionLimit, idleMs: parts.sessionIdleMs, now: parts.wallClock },
    sessionStorage: {
      scopeOf: (tenant) => `sessions of ${cacheKeyOf({ model: identity, tenant })}`,
      keyOf: (tenant, stored) => sessions().keyOf(tenant, stored),
      memoOf: (session) => sessions().memoOf(session),
      onAdopted: (session, memo) => sessions().adopt(session, memo),
    },
  });
}
