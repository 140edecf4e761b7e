import { assert } from '@starling/core';
import { RecentCache, type CacheLimits } from './recent-cache.js';

/** How much is kept: of one scope, and of all together (no less than of one). */
export interface ScopedLimits<Value = unknown> {
  readonly each: CacheLimits<Value>;
  readonly all: Pick<CacheLimits, 'entries' | 'characters'>;
}

/**
 * Values by text, for each scope apart: what one has is not there for another. Where all have too much, the scope that has most loses what it
 * used longest ago: those that have little keep it, whatever others do.
 */
export class ScopedCache<Value> {
  readonly #limits: ScopedLimits<Value>;
  readonly #scopes = new Map<string, RecentCache<Value>>();
  /** Of all scopes. */
  #size = 0;
  #characters = 0;

  constructor(limits: ScopedLimits<Value>) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#size;
  }

  /** Those of a scope, the one used longest ago first. */
  values(scope: string): Iterable<Value> {
    return this.#scopes.get(scope)?.values() ?? [];
  }

  get(scope: string, key: string): Value | undefined {
    return this.#scopes.get(scope)?.get(key);
  }

  set(scope: string, key: string, value: Value): void {
    const own = this.#scopes.get(scope) ?? new RecentCache<Value>(this.#limits.each);
    this.#scopes.set(scope, own);
    this.#change(scope, own, () => own.set(key, value));
    const { entries, characters } = this.#limits.all;
    while (this.#size > entries) this.#dropOfLargest(own, ({ size }) => size);
    while (this.#characters > characters) this.#dropOfLargest(own, (cache) => cache.characters);
  }

  delete(scope: string, key: string): void {
    const own = this.#scopes.get(scope);
    if (own) this.#change(scope, own, () => own.delete(key));
  }

  /** What was just set stays while anybody else has something. */
  #dropOfLargest(own: RecentCache<Value>, sizeOf: (cache: RecentCache<Value>) => number): void {
    let largest: readonly [scope: string, cache: RecentCache<Value>] | undefined;
    for (const one of this.#scopes) {
      const [, cache] = one;
      if (cache.size <= (cache === own ? 1 : 0)) continue;
      if (largest === undefined || sizeOf(cache) > sizeOf(largest[1])) largest = one;
    }
    assert(largest !== undefined, 'one entry is never more than all may have');
    const [scope, cache] = largest;
    this.#change(scope, cache, () => cache.drop());
  }

  /** Does what changes a scope, and counts anew what all have. */
  #change(scope: string, cache: RecentCache<Value>, act: () => void): void {
    const { size, characters } = cache;
    act();
    this.#size += cache.size - size;
    this.#characters += cache.characters - characters;
    if (cache.size === 0) this.#scopes.delete(scope);
  }
}
