import { StarlingError, assert } from '@starling/core';
import type { PageArena } from './page-arena.js';
import type { WindowPages } from './window-pages.js';
import { WindowTable } from './window-table.js';

/** Where the keys and values of one position are. */
export interface KvLocation {
  readonly page: number;
  /** Position within the page, 0 to pageTokens - 1. */
  readonly offset: number;
}

/**
 * The page table of one sequence: position p is in page `pages[p / pageTokens]` at `p % pageTokens`.
 *
 * Invariant: the table covers `length` positions and those reserved after them; positions `[0, length)` hold tokens.
 * Where windowed layers have pages of their own, `windows` is the table of those, of the same positions.
 * Pages may be shared with forks as long as nobody writes them: after `reserve(n)`, the pages of `[length, length + n)` have one holder.
 */
export class KvSequence {
  readonly arena: PageArena;
  /** Absent where a page is one of all layers. */
  readonly windows: WindowTable | undefined;
  #table: Int32Array;
  #pageCount = 0;
  #length = 0;
  #released = false;

  /** An empty sequence: it holds no page until something is reserved. @param windows where windowed layers have pages of their own */
  constructor(arena: PageArena, windows?: WindowPages | WindowTable) {
    this.arena = arena;
    this.windows = windows instanceof WindowTable || windows === undefined ? windows : new WindowTable(windows);
    this.#table = new Int32Array(8);
  }

  /**
   * A sequence whose `length` first tokens are in pages that others hold: they are shared until it reserves room to write.
   * @param windows where windowed layers have pages of their own: as many of those, `NO_PAGE` for what is not needed
   */
  static over(arena: PageArena, pages: ArrayLike<number>, length: number, windows?: WindowTable): KvSequence {
    assert(
      pages.length === arena.pagesFor(length),
      `${length} tokens lie in ${arena.pagesFor(length)} pages, not ${pages.length}`,
    );
    const sequence = new KvSequence(arena, windows);
    sequence.#growTable(pages.length);
    for (let i = 0; i < pages.length; i++) {
      arena.retain(pages[i]);
      sequence.#table[i] = pages[i];
    }
    sequence.#pageCount = pages.length;
    sequence.#length = length;
    return sequence;
  }

  /** Positions that hold tokens. */
  get length(): number {
    return this.#length;
  }

  /** Positions that the held pages have room for. */
  get capacity(): number {
    return this.#pageCount * this.arena.pageTokens;
  }

  /** The page table `(pages)`: a view, valid until this sequence is next changed. */
  get pages(): Int32Array {
    return this.#table.subarray(0, this.#pageCount);
  }

  get isReleased(): boolean {
    return this.#released;
  }

  /** Free pages that `reserve(tokens)` would take: new ones, and one to copy a shared last page to. */
  pagesToReserve(tokens: number): number {
    const added = Math.max(0, this.arena.pagesFor(this.#length + tokens) - this.#pageCount);
    return added + (this.#mustCopyLast(tokens) ? 1 : 0);
  }

  /** Free pages of windowed layers that `reserve(tokens, windowsFrom)` would take. */
  windowPagesToReserve(tokens: number, windowsFrom = this.#length): number {
    return this.windows?.pagesToReserve(this.#length, tokens, windowsFrom) ?? 0;
  }

  /** The error of `reserve(tokens, windowsFrom)`, kv_exhausted with figures of the pages that are too few; undefined if there is room. */
  shortage(tokens: number, windowsFrom = this.#length): StarlingError | undefined {
    const needed = this.pagesToReserve(tokens);
    if (needed > this.arena.freePages) return this.arena.exhausted(needed);
    const neededWindows = this.windowPagesToReserve(tokens, windowsFrom);
    const windowed = this.windows?.windows.arena;
    return windowed && neededWindows > windowed.freePages ? windowed.exhausted(neededWindows) : undefined;
  }

  /**
   * Makes room for `tokens` positions after `length`, held by this sequence alone, so that they may be written.
   * @param windowsFrom positions before this get no page of windowed layers: nobody will see them
   * @throws StarlingError kv_exhausted if too few pages are free; then nothing has changed
   */
  reserve(tokens: number, windowsFrom = this.#length): void {
    this.#checkLive();
    assert(Number.isInteger(tokens) && tokens >= 0, `room is reserved for a whole number of tokens, not ${tokens}`);
    const shortage = this.shortage(tokens, windowsFrom);
    if (shortage) throw shortage;
    this.windows?.reserve(this.#length, tokens, windowsFrom);
    if (this.#mustCopyLast(tokens)) this.#copyLast();
    const pageCount = Math.max(this.#pageCount, this.arena.pagesFor(this.#length + tokens));
    this.#growTable(pageCount);
    while (this.#pageCount < pageCount) this.#table[this.#pageCount++] = this.arena.allocate();
  }

  /** Notes that the next `tokens` reserved positions have been written. */
  commit(tokens: number): void {
    this.#checkLive();
    const length = this.#length + tokens;
    assert(
      Number.isInteger(tokens) && tokens >= 0 && length <= this.capacity,
      `${tokens} tokens after ${this.#length} were reserved (room for ${this.capacity})`,
    );
    assert(
      !this.#mustCopyLast(tokens) && this.windows?.mustCopyLast(this.#length, tokens) !== true,
      'a page that was shared after its room was reserved is reserved again before it is written',
    );
    this.#markFilled(this.#length, length);
    this.#length = length;
  }

  /** Gives back pages of windowed layers that slid out of the window. */
  slide(): void {
    this.#checkLive();
    this.windows?.slide(this.#length);
  }

  /** Forgets the positions from `length` on, and gives back pages that are not needed for the rest; also those reserved ahead. */
  truncate(length: number): void {
    this.#checkLive();
    assert(
      Number.isInteger(length) && length >= 0 && length <= this.#length,
      `a sequence of ${this.#length} is cut to ${length}`,
    );
    const pageCount = this.arena.pagesFor(length);
    while (this.#pageCount > pageCount) this.arena.release(this.#table[--this.#pageCount]);
    this.#length = length;
    this.windows?.truncate(length);
    assert(
      this.windows?.sees(length) !== false,
      `a sequence is cut to ${length} tokens, where pages of windowed layers slid out`,
    );
    const rest = length % this.arena.pageTokens;
    if (rest > 0) this.arena.setFilled(this.#table[pageCount - 1], rest);
  }

  /** A second sequence with the same tokens; pages are shared until one of the two reserves room to write. Room reserved ahead stays here. */
  fork(): KvSequence {
    this.#checkLive();
    const pageCount = this.arena.pagesFor(this.#length);
    const windows = this.windows && WindowTable.over(this.windows.windows, this.windows.pages.subarray(0, pageCount));
    return KvSequence.over(this.arena, this.#table.subarray(0, pageCount), this.#length, windows);
  }

  /** Puts a full page that holds the same tokens after the same tokens in the place of this sequence's own, so that memory holds it once. */
  share(index: number, page: number): void {
    this.#checkLive();
    assert(
      (index + 1) * this.arena.pageTokens <= this.#length,
      `page ${index} of a sequence of ${this.#length} is full when it is shared`,
    );
    const own = this.#table[index];
    if (own === page) return;
    this.arena.retain(page);
    this.arena.release(own);
    this.#table[index] = page;
  }

  /** Gives all pages back. The sequence is of no use afterwards; a second call does nothing. */
  release(): void {
    if (this.#released) return;
    this.truncate(0);
    this.#released = true;
  }

  /**
   * Where position `position` is.
   * @throws StarlingError invalid_argument if no page has been reserved for it
   */
  locate(position: number): KvLocation {
    if (!Number.isInteger(position) || position < 0 || position >= this.capacity) {
      throw new StarlingError(
        'invalid_argument',
        `position ${position} is not one of the ${this.capacity} that this sequence has pages for`,
        {
          details: { position, capacity: this.capacity, length: this.#length },
        },
      );
    }
    const { pageTokens } = this.arena;
    return { page: this.#table[Math.floor(position / pageTokens)], offset: position % pageTokens };
  }

  /**
   * Checks the invariant above.
   * @throws StarlingError internal with what is broken
   */
  checkIntegrity(): void {
    assert(this.#length <= this.capacity, `${this.#length} tokens lie in pages for ${this.capacity}`);
    assert(!this.#released || this.#pageCount === 0, 'a released sequence holds no page');
    this.windows?.checkIntegrity(this.#length, this.#pageCount);
    const { pageTokens } = this.arena;
    const seen = new Set<number>();
    for (let i = 0; i < this.#pageCount; i++) {
      const page = this.#table[i];
      assert(this.arena.holdersOf(page) > 0, `page ${page} of a table is held`);
      assert(!seen.has(page), `page ${page} is in a table once`);
      seen.add(page);
      const tokens = Math.min(pageTokens, Math.max(0, this.#length - i * pageTokens));
      assert(this.arena.filledOf(page) >= tokens, `page ${page} holds the ${tokens} tokens that its table says`);
    }
  }

  /** The last page that holds tokens is shared, not full, and about to be written. */
  #mustCopyLast(tokens: number): boolean {
    if (tokens === 0 || this.#length % this.arena.pageTokens === 0) return false;
    return this.arena.holdersOf(this.#table[this.arena.pagesFor(this.#length) - 1]) > 1;
  }

  #copyLast(): void {
    const last = this.arena.pagesFor(this.#length) - 1;
    const shared = this.#table[last];
    const own = this.arena.allocate();
    this.arena.copy(shared, own);
    this.arena.setFilled(own, this.#length % this.arena.pageTokens);
    this.arena.release(shared);
    this.#table[last] = own;
  }

  #markFilled(from: number, to: number): void {
    const { pageTokens } = this.arena;
    for (let i = Math.floor(from / pageTokens); i * pageTokens < to; i++) {
      this.arena.setFilled(this.#table[i], Math.min(pageTokens, to - i * pageTokens));
    }
  }

  #growTable(pageCount: number): void {
    if (pageCount <= this.#table.length) return;
    const table = new Int32Array(Math.max(pageCount, this.#table.length * 2));
    table.set(this.pages);
    this.#table = table;
  }

  #checkLive(): void {
    assert(!this.#released, 'a released sequence is not used again');
  }
}
