import { assert } from '@starling/core';
import type { WindowPages } from './window-pages.js';

/** Stands in a table for a page that is not held. */
export const NO_PAGE = -1;

/**
 * The page table of one sequence for windowed layers: as that of the other layers, but pages that slid out of the window may be missing.
 *
 * Invariant: pages that the next token sees are there, unless somebody else cut the sequence to where they are not (`sees`).
 */
export class WindowTable {
  readonly windows: WindowPages;
  #table = new Int32Array(8);
  #count = 0;
  /** No page before this place is held. */
  #first = 0;

  constructor(windows: WindowPages) {
    this.windows = windows;
  }

  /** A table of pages that others hold: they are shared. @param pages `NO_PAGE` where there is none */
  static over(windows: WindowPages, pages: ArrayLike<number>): WindowTable {
    const table = new WindowTable(windows);
    table.#grow(pages.length);
    for (let i = 0; i < pages.length; i++) {
      table.#table[i] = pages[i];
      if (pages[i] !== NO_PAGE) windows.arena.retain(pages[i]);
    }
    table.#count = pages.length;
    return table;
  }

  /** A view, valid until this is next changed; `NO_PAGE` where no page is held. */
  get pages(): Int32Array {
    return this.#table.subarray(0, this.#count);
  }

  /** Whether a sequence of `length` tokens can go on: what its next token sees is here. */
  sees(length: number): boolean {
    for (let i = this.windows.firstSeen(length); i < this.windows.arena.pagesFor(length); i++)
      if (this.#table[i] === NO_PAGE) return false;
    return true;
  }

  /** Free pages that `reserve` would take. */
  pagesToReserve(length: number, tokens: number, from: number): number {
    const { arena } = this.windows;
    const begin = Math.max(this.#count, Math.floor(from / arena.pageTokens));
    return Math.max(0, arena.pagesFor(length + tokens) - begin) + (this.mustCopyLast(length, tokens) ? 1 : 0);
  }

  /** Makes room for positions `[from, length + tokens)`; there must be enough free pages. */
  reserve(length: number, tokens: number, from: number): void {
    const { arena } = this.windows;
    if (this.mustCopyLast(length, tokens)) {
      const last = arena.pagesFor(length) - 1;
      const shared = this.#table[last];
      this.#table[last] = arena.allocate();
      arena.copy(shared, this.#table[last]);
      arena.release(shared);
    }
    const count = Math.max(this.#count, arena.pagesFor(length + tokens));
    this.#grow(count);
    for (; this.#count < count; this.#count++)
      this.#table[this.#count] = this.#count >= Math.floor(from / arena.pageTokens) ? arena.allocate() : NO_PAGE;
  }

  /** Whether a page slid out of the window that is still held. */
  canSlide(length: number): boolean {
    return this.#first < this.windows.firstSeen(length);
  }

  /** Gives back the pages that slid out of the window. */
  slide(length: number): void {
    const first = Math.min(this.windows.firstSeen(length), this.#count);
    for (let i = this.#first; i < first; i++) this.#drop(i);
    this.#first = Math.max(this.#first, first);
  }

  /** Gives back the pages that are not needed for `length` positions. */
  truncate(length: number): void {
    const count = this.windows.arena.pagesFor(length);
    while (this.#count > count) this.#drop(--this.#count);
    this.#first = Math.min(this.#first, this.#count);
  }

  /** Gives one page back, or puts another that holds the same in its place. */
  replace(index: number, page: number): void {
    if (this.#table[index] === page) return;
    if (page !== NO_PAGE) this.windows.arena.retain(page);
    this.#drop(index);
    this.#table[index] = page;
  }

  /** The last page that holds tokens is shared, not full, and about to be written. */
  mustCopyLast(length: number, tokens: number): boolean {
    const { arena } = this.windows;
    if (tokens === 0 || length % arena.pageTokens === 0) return false;
    const last = this.#table[arena.pagesFor(length) - 1];
    return last !== NO_PAGE && arena.holdersOf(last) > 1;
  }

  /** @throws StarlingError internal with what is broken */
  checkIntegrity(length: number, pageCount: number): void {
    assert(
      this.#count === pageCount,
      `a table of windowed layers has ${this.#count} places, that of the others ${pageCount}`,
    );
    assert(this.sees(length), `the pages that position ${length} sees are there`);
    const held = [...this.pages].filter((page) => page !== NO_PAGE);
    assert(new Set(held).size === held.length, 'a page of windowed layers is in a table once');
    for (const page of held)
      assert(this.windows.arena.holdersOf(page) > 0, `page ${page} of a table of windowed layers is held`);
    for (let i = 0; i < this.#first; i++) assert(this.#table[i] === NO_PAGE, 'what slid out is given back');
  }

  #drop(index: number): void {
    if (this.#table[index] !== NO_PAGE) this.windows.arena.release(this.#table[index]);
    this.#table[index] = NO_PAGE;
  }

  #grow(count: number): void {
    if (count <= this.#table.length) return;
    const table = new Int32Array(Math.max(count, this.#table.length * 2));
    table.set(this.pages);
    this.#table = table;
  }
}
