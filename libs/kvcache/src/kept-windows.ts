import { assert } from '@starling/core';
import type { PageNode } from './page-node.js';
import type { WindowPages } from './window-pages.js';
import { NO_PAGE, WindowTable } from './window-table.js';

/**
 * Pages of windowed layers that are kept beside cached pages: as long as there is room, and the least recently used go first. A cached page
 * without is still of use to prompts that go on far enough behind it.
 *
 * Invariant: it is one holder of each page that a node names, and of no other; nodes that have one are in the order of their use.
 */
export class KeptWindows {
  readonly windows: WindowPages;
  readonly #order = new Set<PageNode>();

  constructor(windows: WindowPages) {
    this.windows = windows;
  }

  /** Keeps a page with a node that has none. No other node may have it. */
  keep(node: PageNode, page: number): void {
    const { arena } = this.windows;
    assert(
      node.windowPage === undefined && !arena.isCached(page),
      `page ${page} of windowed layers is kept with one cached page`,
    );
    arena.retain(page);
    arena.setCached(page, true);
    node.windowPage = page;
    this.#order.add(node);
  }

  drop(node: PageNode): void {
    if (node.windowPage === undefined) return;
    const { arena } = this.windows;
    arena.setCached(node.windowPage, false);
    arena.release(node.windowPage);
    node.windowPage = undefined;
    this.#order.delete(node);
  }

  /** A path was used: what is seen from its end is now the last to go. */
  touch(path: readonly PageNode[]): void {
    if (path.length === 0) return;
    const { pageTokens } = this.windows.arena;
    for (const node of path.slice(
      this.windows.firstSeen((path.length - 1) * pageTokens + path[path.length - 1].tokens.length),
    )) {
      if (this.#order.delete(node)) this.#order.add(node);
    }
  }

  /** Gives back up to `pages` pages that nobody else holds; returns how many. */
  evict(pages: number): number {
    let freed = 0;
    for (const node of this.#order) {
      if (freed >= pages) break;
      if (this.windows.arena.holdersOf(node.windowPage!) > 1) continue;
      this.drop(node);
      freed++;
    }
    return freed;
  }

  /** Of `matched` tokens of a path the longest beginning whose next token finds what it sees. */
  reach(path: readonly PageNode[], matched: number): number {
    const { arena } = this.windows;
    let length = matched;
    for (let i = arena.pagesFor(length) - 1; i >= this.windows.firstSeen(length); i--) {
      if (path[i].windowPage === undefined) length = i * arena.pageTokens;
    }
    return length;
  }

  /** The pages that are seen from the end of a path. */
  seenFrom(path: readonly PageNode[], length: number): WindowTable {
    return WindowTable.over(
      this.windows,
      path.map(({ windowPage = NO_PAGE }, i) => (i < this.windows.firstSeen(length) ? NO_PAGE : windowPage)),
    );
  }

  /** As `seenFrom`, to be held for good; no page as soon as that would be, with those of other tables that are, more than half of all, which sequences need. */
  hold(path: readonly PageNode[], length: number, others: readonly Int32Array[]): WindowTable {
    const seen = this.seenFrom(path, length);
    const held = new Set([seen.pages, ...others].flatMap((pages) => [...pages].filter((page) => page !== NO_PAGE)));
    if (2 * held.size <= this.windows.arena.pageCount) return seen;
    seen.truncate(0);
    return WindowTable.over(
      this.windows,
      path.map(() => NO_PAGE),
    );
  }

  /** @throws StarlingError internal with what is broken */
  checkIntegrity(nodes: Iterable<PageNode>, tables: Iterable<ArrayLike<number>>): void {
    const named = [...nodes].filter(({ windowPage }) => windowPage !== undefined);
    assert(
      new Set(named.map(({ windowPage }) => windowPage)).size === named.length,
      'a page of windowed layers is kept once',
    );
    assert(
      named.length === this.#order.size && named.every((node) => this.#order.has(node)),
      'a page of windowed layers that is kept has a time of use',
    );
    const held = Array.from(tables, (table) => Array.from(table).filter((page) => page >= 0));
    this.windows.arena.checkIntegrity([...held, named.map(({ windowPage }) => windowPage!)]);
  }
}
