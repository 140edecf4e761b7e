import { assert } from '@starling/core';
import type { PageArena } from './page-arena.js';
import type { PageNode } from './page-node.js';

/** Of so many pages that were not used for longest, the one is evicted that is cheapest to compute again. */
const EVICTION_CHOICE = 8;
/** A page at this position costs about twice as much to compute again as one at the beginning: attention reads all before it. */
const ATTENTION_DOUBLES_AT = 4096;

/**
 * Which cached page goes next: of those without pins the least recently used, with the cost of computing it again in mind; pinned ones
 * when there is no other.
 *
 * Invariant: each node is in `#free` or, with pins, in `#pinned`, the least recently used first; there it comes before its parent, and no
 * node without pins has a child with one. So the first page that nobody uses has no children, and can go.
 */
export class EvictionOrder {
  readonly #arena: PageArena;
  readonly #free = new Set<PageNode>();
  readonly #pinned = new Set<PageNode>();
  #uses = 0;

  constructor(arena: PageArena) {
    this.#arena = arena;
  }

  get size(): number {
    return this.#free.size + this.#pinned.size;
  }

  /** How often a path was used: the clock of `lastUsed`. */
  get uses(): number {
    return this.#uses;
  }

  *nodes(): Generator<PageNode> {
    yield* this.#free;
    yield* this.#pinned;
  }

  add(node: PageNode): void {
    this.#setOf(node).add(node);
  }

  delete(node: PageNode): void {
    this.#setOf(node).delete(node);
  }

  /** A path was used: it is now the last to go. */
  touch(path: readonly PageNode[]): void {
    this.#uses++;
    for (let i = path.length - 1; i >= 0; i--) {
      path[i].lastUsed = this.#uses;
      this.delete(path[i]);
      this.add(path[i]);
    }
  }

  /** Counts a pin on a page and all before it. Those that change their kind come last among their like, each before its parent. */
  pin(last: PageNode | undefined, by: 1 | -1): void {
    for (let node = last; node !== undefined; node = 'page' in node.parent ? node.parent : undefined) {
      this.delete(node);
      node.pins += by;
      this.add(node);
    }
  }

  /** The next to go; undefined if all are in use. */
  victim(): PageNode | undefined {
    return this.#cheapest(this.#free) ?? this.#cheapest(this.#pinned);
  }

  /** @throws StarlingError internal with what is broken */
  checkIntegrity(): void {
    const order = new Map([...this.nodes()].map((node, at) => [node, at] as const));
    assert(order.size === this.size, 'a page waits in one place');
    for (const [node, at] of order) {
      const { parent, pins } = node;
      assert(this.#setOf(node).has(node), 'a page waits among its like');
      if (!('page' in parent)) continue;
      assert(at < (order.get(parent) ?? -1), 'a page was used no later than the one before it');
      assert(parent.pins >= pins, 'a pin holds all pages before it');
    }
  }

  #setOf(node: PageNode): Set<PageNode> {
    return node.pins > 0 ? this.#pinned : this.#free;
  }

  #cheapest(order: Iterable<PageNode>): PageNode | undefined {
    let best: PageNode | undefined;
    let bestWorth = Infinity;
    let seen = 0;
    for (const node of order) {
      if (node.children.length > 0 || this.#arena.holdersOf(node.page) > 1) continue;
      const cost =
        node.tokens.length * (1 + (node.depth * this.#arena.pageTokens) / ATTENTION_DOUBLES_AT) * (1 + node.hits);
      const worth = cost / (this.#uses - node.lastUsed + 1);
      if (worth < bestWorth) [best, bestWorth] = [node, worth];
      if (++seen === EVICTION_CHOICE) break;
    }
    return best;
  }
}
