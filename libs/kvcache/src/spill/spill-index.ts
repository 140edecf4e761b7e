import { assert } from '@starling/core';
import { commonEnd, digestOf, prefixDigest } from '../token-order.js';
import { hexOf } from './hex-of.js';
import type { SpilledEntry } from './spill-store.js';

/** A record that holds the positions `[from, to)` of a sequence that is looked for. */
export interface SpillLink {
  readonly entry: SpilledEntry;
  readonly to: number;
}

/**
 * Finds stored records by the tokens that they hold: each record is known by its key, where it begins, and a digest of what comes before
 * that. Its own tokens are compared here; those before it when it is read.
 *
 * Invariant: every record that has pages stands in the bucket of its beginning, once.
 */
export class SpillIndex {
  readonly #pageTokens: number;
  readonly #buckets = new Map<string, Map<string, SpilledEntry>>();
  readonly #places = new Map<string, string>();

  constructor(pageTokens: number) {
    this.#pageTokens = pageTokens;
  }

  /** Takes a record that has pages of this size; others are of no use here. */
  add(entry: SpilledEntry): void {
    if (entry.pageTokens !== this.#pageTokens || entry.from >= entry.length) return;
    const place = placeOf(hexOf(entry.key), entry.from, entry.prefix);
    const bucket = this.#buckets.get(place) ?? new Map<string, SpilledEntry>();
    this.#buckets.set(place, bucket.set(entry.id, entry));
    this.#places.set(entry.id, place);
  }

  delete(id: string): void {
    const place = this.#places.get(id);
    if (place === undefined) return;
    this.#places.delete(id);
    const bucket = this.#buckets.get(place);
    bucket?.delete(id);
    if (bucket?.size === 0) this.#buckets.delete(place);
  }

  has(id: string): boolean {
    return this.#places.has(id);
  }

  get size(): number {
    return this.#places.size;
  }

  /**
   * Records that together hold the longest beginning of `tokens[0, limit)`, each going on in the page in which the one before it ends.
   * @param begin where the first begins: whole pages
   */
  chain(key: Uint8Array, tokens: ArrayLike<number>, limit: number, begin = 0): SpillLink[] {
    const links: SpillLink[] = [];
    if (this.#places.size === 0) return links;
    const name = hexOf(key);
    let digest = prefixDigest(tokens, 0, this.#pageTokens);
    let digestAt = 0;
    for (let from = begin; ; ) {
      for (; digestAt < from; digestAt += this.#pageTokens)
        digest = digestOf(digest, tokens, digestAt, digestAt + this.#pageTokens);
      const best = this.#longest(this.#buckets.get(placeOf(name, from, digest)), tokens, limit);
      const reached = links.at(-1)?.to ?? begin;
      if (best === undefined || best.to <= reached) return links;
      // Of the page that both have, the later record holds more.
      const before = links.pop();
      if (before) links.push({ entry: before.entry, to: from });
      links.push(best);
      const next = best.to - (best.to % this.#pageTokens);
      if (next === from) return links;
      from = next;
    }
  }

  /** @throws StarlingError internal with what is broken */
  checkIntegrity(): void {
    let count = 0;
    for (const [place, bucket] of this.#buckets) {
      assert(bucket.size > 0, 'no bucket is kept empty');
      for (const [id, entry] of bucket)
        assert(this.#places.get(id) === place && entry.id === id, 'a record stands in the bucket of its beginning');
      count += bucket.size;
    }
    assert(count === this.#places.size, 'every record stands in one bucket');
  }

  #longest(
    bucket: ReadonlyMap<string, SpilledEntry> | undefined,
    tokens: ArrayLike<number>,
    limit: number,
  ): SpillLink | undefined {
    let best: SpillLink | undefined;
    for (const entry of bucket?.values() ?? []) {
      const end = Math.min(limit, entry.length);
      let to = entry.from;
      while (to < end && entry.tokens[to - entry.from] === tokens[to]) to++;
      if (to > (best?.to ?? entry.from)) best = { entry, to };
    }
    return best;
  }
}

/** Whether a record was made from the first `to` of these tokens: all of them, not only those whose pages it has. */
export function holds(record: { readonly tokens: Uint32Array }, tokens: ArrayLike<number>, to: number): boolean {
  return to <= record.tokens.length && commonEnd(record.tokens, tokens, 0, to) === to;
}

const placeOf = (key: string, from: number, prefix: number): string => `${key} ${from} ${prefix}`;
