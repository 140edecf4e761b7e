import { Emitter, type Listener } from '@starling/core';
import type { CacheMatch, CacheMiss } from './cache-match.js';

/** What a cache tells of its work. */
export type CacheEvent =
  /** A prompt began with what was found: of its tokens so many were known. */
  | {
      readonly kind: 'cache_matched';
      readonly hitTokens: number;
      readonly missTokens: number;
      readonly miss?: CacheMiss['reason'];
    }
  /** Cached pages went to make room. */
  | { readonly kind: 'cache_evicted'; readonly pages: number }
  /** Slower storage did not answer in time: what was wanted of it is computed, what was to be written is not kept. */
  | { readonly kind: 'storage_late'; readonly work: 'write' | 'read' }
  /** Pages that were held for a moment, to be copied or brought back, can be had again. */
  | { readonly kind: 'pages_released' }
  /** A session lost pages that it had, for the first time since it was used. */
  | { readonly kind: 'session_evicted'; readonly tenant: string; readonly session: string }
  /** A session that was stored cannot be gone on from: told when its tenant first asks for any. */
  | { readonly kind: 'session_lost'; readonly tenant: string; readonly session: string; readonly why: string };

/** Counts since the cache was made, and what it holds now. */
export interface KvCacheStatistics {
  /** Tokens found, and tokens not found by reason, of all that were looked up. */
  readonly hitTokens: number;
  readonly missTokens: Readonly<Record<CacheMiss['reason'], number>>;
  readonly evictedPages: number;
  readonly cachedPages: number;
  /** Cached pages that no sequence uses. */
  readonly evictablePages: number;
  readonly states: number;
  readonly stateBytes: number;
  /** Tokens that were shared with all tenants, and the pages of them: in no other count. */
  readonly sharedTokens: number;
  readonly sharedPages: number;
  /** Sessions that are held, and how often one lost pages to others. */
  readonly sessions: number;
  readonly evictedSessions: number;
}

/** What a cache counts itself; the rest is asked of its parts. */
type CacheCounts = Pick<KvCacheStatistics, 'hitTokens' | 'missTokens' | 'evictedPages'>;

/** What a cache did: told to whoever listens, and summed up. */
export class CacheReport {
  readonly #events = new Emitter<CacheEvent>();
  #hitTokens = 0;
  #evictedPages = 0;
  readonly #missTokens: Record<CacheMiss['reason'], number> = {
    new: 0,
    diverged: 0,
    evicted: 0,
    state: 0,
    window: 0,
    log_probabilities: 0,
    off: 0,
  };

  on(listener: Listener<CacheEvent>): () => void {
    return this.#events.on(listener);
  }

  emit(event: CacheEvent): void {
    this.#events.emit(event);
  }

  /** A match was used, of a prompt of so many tokens. */
  matched({ miss }: Pick<CacheMatch, 'miss'>, hitTokens: number, promptTokens: number): void {
    this.#hitTokens += hitTokens;
    const missTokens = miss ? promptTokens - hitTokens : 0;
    if (miss) this.#missTokens[miss.reason] += missTokens;
    this.emit({ kind: 'cache_matched', hitTokens, missTokens, ...(miss && { miss: miss.reason }) });
  }

  /** So many cached pages went. */
  evicted(pages: number): void {
    this.#evictedPages += pages;
    if (pages > 0) this.emit({ kind: 'cache_evicted', pages });
  }

  counts(): CacheCounts {
    return { hitTokens: this.#hitTokens, missTokens: { ...this.#missTokens }, evictedPages: this.#evictedPages };
  }
}
