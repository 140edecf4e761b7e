import { StarlingError, assert } from '@starling/core';

/** How an arena is cut. */
export interface PageArenaOptions {
  /** Pages in all, at least 1. */
  readonly pageCount: number;
  /** Token positions that one page holds, at least 1. */
  readonly pageTokens: number;
  /** Bytes of one page over all layers, for the statistics; 0 if the caller does not care. */
  readonly bytesPerPage?: number;
  /**
   * Asked to copy what page `from` holds to page `to`, when a shared page is about to be written.
   * Copies must be done in the order of these calls, and before the next step that writes pages.
   */
  readonly onCopy?: (from: number, to: number) => void;
}

/** Where the bytes of an arena are. `allocatedBytes + freeBytes` is the size of the arena. */
export interface ArenaStatistics {
  readonly pageCount: number;
  /** Pages that no sequence needs: free ones, and those that hold nothing but cached prefixes. */
  readonly freePages: number;
  /** Those of the free pages that hold cached prefixes. */
  readonly cachedPages: number;
  /** Pages that more than one sequence holds. */
  readonly sharedPages: number;
  readonly allocatedBytes: number;
  readonly freeBytes: number;
  /** The part of the allocated bytes that no token has filled: tails of last pages, and room reserved ahead. */
  readonly fragmentedBytes: number;
}

/**
 * Fixed-size pages for the keys and values of many sequences, with reference counts.
 *
 * Invariant: every page is either on the free list once, with no holder and no filled position, or off it with at least one holder;
 * `filled` of a page is between 0 and `pageTokens`. The arena holds no tensor data: whoever owns the memory gives pages their bytes.
 */
export class PageArena {
  readonly pageCount: number;
  readonly pageTokens: number;
  readonly bytesPerPage: number;
  readonly #onCopy: ((from: number, to: number) => void) | undefined;
  /** `free[0, freeCount)` are the free pages; the last one is handed out next. */
  readonly #free: Int32Array;
  #freeCount: number;
  /** Holders of each page `(pageCount)`. */
  readonly #holders: Int32Array;
  /** Positions of each page that hold a token `(pageCount)`. */
  readonly #filled: Int32Array;
  /** 1 for pages of which one holder is the prefix cache `(pageCount)`. */
  readonly #isCached: Uint8Array;
  #evictable = 0;

  /** @throws StarlingError invalid_argument if a count is not a positive integer */
  constructor(options: PageArenaOptions) {
    this.pageCount = positive('pageCount', options.pageCount);
    this.pageTokens = positive('pageTokens', options.pageTokens);
    this.bytesPerPage = options.bytesPerPage ?? 0;
    this.#onCopy = options.onCopy;
    this.#free = Int32Array.from({ length: this.pageCount }, (_, i) => this.pageCount - 1 - i);
    this.#freeCount = this.pageCount;
    this.#holders = new Int32Array(this.pageCount);
    this.#filled = new Int32Array(this.pageCount);
    this.#isCached = new Uint8Array(this.pageCount);
  }

  /** Pages that nobody holds. */
  get freePages(): number {
    return this.#freeCount;
  }

  /** Pages that nobody but the prefix cache holds: it gives them back when they are asked for. */
  get evictablePages(): number {
    return this.#evictable;
  }

  /** Pages that a run of `tokens` positions takes. */
  pagesFor(tokens: number): number {
    return Math.ceil(tokens / this.pageTokens);
  }

  /**
   * Takes a free page; the caller is its one holder.
   * @throws StarlingError kv_exhausted if none is free
   */
  allocate(): number {
    if (this.#freeCount === 0) throw this.exhausted(1);
    const page = this.#free[--this.#freeCount];
    this.#holders[page] = 1;
    return page;
  }

  /** Adds a holder to a page that has one. */
  retain(page: number): void {
    this.#checkHeld(page);
    if (this.#holders[page]++ === 1 && this.#isCached[page] === 1) this.#evictable--;
  }

  /** Takes one holder away; the last one frees the page. */
  release(page: number): void {
    this.#checkHeld(page);
    assert(
      this.#isCached[page] === 0 || this.#holders[page] > 1,
      `page ${page} is taken out of the cache before its last holder goes`,
    );
    if (--this.#holders[page] === 1 && this.#isCached[page] === 1) this.#evictable++;
    if (this.#holders[page] > 0) return;
    this.#filled[page] = 0;
    this.#free[this.#freeCount++] = page;
  }

  /** Notes that one of the page's holders is the prefix cache, or is so no longer. */
  setCached(page: number, isCached: boolean): void {
    this.#checkHeld(page);
    const value = isCached ? 1 : 0;
    if (this.#isCached[page] === value) return;
    this.#isCached[page] = value;
    if (this.#holders[page] === 1) this.#evictable += isCached ? 1 : -1;
  }

  /** Whether one of the page's holders is the prefix cache. */
  isCached(page: number): boolean {
    this.#checkPage(page);
    return this.#isCached[page] === 1;
  }

  /** How many hold this page; 0 for a free one. */
  holdersOf(page: number): number {
    this.#checkPage(page);
    return this.#holders[page];
  }

  /** Has the bytes of one held page copied to another. */
  copy(from: number, to: number): void {
    this.#checkHeld(from);
    this.#checkHeld(to);
    this.#filled[to] = this.#filled[from];
    this.#onCopy?.(from, to);
  }

  /** Notes that positions `[0, tokens)` of a held page hold tokens. A shared page can only be filled further, for its holders read it. */
  setFilled(page: number, tokens: number): void {
    this.#checkHeld(page);
    assert(
      Number.isInteger(tokens) && tokens >= 0 && tokens <= this.pageTokens,
      `a page is filled with 0 to ${this.pageTokens} tokens, not ${tokens}`,
    );
    if (this.#holders[page] === 1 || tokens > this.#filled[page]) this.#filled[page] = tokens;
  }

  /** Positions of a page that hold a token. */
  filledOf(page: number): number {
    this.#checkPage(page);
    return this.#filled[page];
  }

  /** Where the bytes are, now. Takes time in proportion to the page count. */
  statistics(): ArenaStatistics {
    let shared = 0;
    let empty = 0;
    for (let page = 0; page < this.pageCount; page++) {
      if (this.#holders[page] > 1) shared++;
      if (this.#holders[page] > 1 || (this.#holders[page] === 1 && this.#isCached[page] === 0))
        empty += this.pageTokens - this.#filled[page];
    }
    const freePages = this.#freeCount + this.#evictable;
    const freeBytes = freePages * this.bytesPerPage;
    return {
      pageCount: this.pageCount,
      freePages,
      cachedPages: this.#evictable,
      sharedPages: shared,
      allocatedBytes: this.pageCount * this.bytesPerPage - freeBytes,
      freeBytes,
      fragmentedBytes: Math.round((empty / this.pageTokens) * this.bytesPerPage),
    };
  }

  /** The error of asking for more pages than are free, with figures. */
  exhausted(pages: number): StarlingError {
    return new StarlingError(
      'kv_exhausted',
      `${pages} KV pages of ${this.pageTokens} tokens were asked for, ${this.#freeCount} of ${this.pageCount} are free; retry later, send a shorter prompt, or give the model more KV memory`,
      { details: { pages, freePages: this.#freeCount, pageCount: this.pageCount, pageTokens: this.pageTokens } },
    );
  }

  /**
   * Checks the invariant above. With the page tables of all holders, also that each page has as many holders as tables name it.
   * @throws StarlingError internal with what is broken
   */
  checkIntegrity(tables?: Iterable<ArrayLike<number>>): void {
    assert(
      this.#freeCount >= 0 && this.#freeCount <= this.pageCount,
      'the free list has between 0 and pageCount pages',
    );
    const isFree = new Uint8Array(this.pageCount);
    for (let i = 0; i < this.#freeCount; i++) {
      const page = this.#free[i];
      assert(page >= 0 && page < this.pageCount && isFree[page] === 0, `page ${page} is on the free list once`);
      isFree[page] = 1;
    }
    let evictable = 0;
    for (let page = 0; page < this.pageCount; page++) {
      const holders = this.#holders[page];
      if (this.#isCached[page] === 1 && holders === 1) evictable++;
      const filled = this.#filled[page];
      assert(
        isFree[page] === 1 ? holders === 0 && filled === 0 : holders > 0,
        `page ${page} is free (${isFree[page]}) or held (${holders}), not both`,
      );
      assert(
        filled >= 0 && filled <= this.pageTokens,
        `page ${page} holds ${filled} of at most ${this.pageTokens} tokens`,
      );
    }
    assert(
      evictable === this.#evictable,
      `${evictable} pages are held by the cache alone, ${this.#evictable} were counted`,
    );
    if (tables === undefined) return;
    const named = new Int32Array(this.pageCount);
    for (const table of tables) for (let i = 0; i < table.length; i++) named[table[i]]++;
    for (let page = 0; page < this.pageCount; page++) {
      assert(
        named[page] === this.#holders[page],
        `page ${page} is in ${named[page]} tables and has ${this.#holders[page]} holders`,
      );
    }
  }

  #checkPage(page: number): void {
    // Asked for pages by the thousand in each step: the words are made only where they are needed.
    if (!Number.isInteger(page) || page < 0 || page >= this.pageCount)
      assert(false, `page ${page} is one of the ${this.pageCount} of the arena`);
  }

  #checkHeld(page: number): void {
    this.#checkPage(page);
    if (this.#holders[page] === 0) assert(false, `page ${page} is held`);
  }
}

function positive(name: string, value: number): number {
  if (Number.isInteger(value) && value > 0) return value;
  throw new StarlingError('invalid_argument', `${name} must be a positive integer, not ${value}`, {
    details: { name, value },
  });
}
