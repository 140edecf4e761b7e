import { StarlingError, assert, monotonicClock, type Clock, type Listener } from '@starling/core';
import type { CacheMatch } from './cache-match.js';
import { CacheReport, type CacheEvent, type KvCacheStatistics } from './cache-report.js';
import { KeptWindows } from './kept-windows.js';
import { KvSequence } from './kv-sequence.js';
import { PageArena, type PageArenaOptions } from './page-arena.js';
import type { PageBytes, StateCheckpoint } from './ports.js';
import { KeptStates } from './kept-states.js';
import { rootOf } from './page-node.js';
import { PrefixTree } from './prefix-tree.js';
import { attachRecord, fits, readPages, type TransferParts } from './spill/page-transfer.js';
import { KEY_BYTES } from './spill/record-header.js';
import { PATIENCE_MS } from './spill/patience.js';
import { SharedBeginnings } from './shared-beginnings.js';
import { SpillTier, type RestoreTicket } from './spill/spill-tier.js';
import type { SpillParts } from './spill/spill-writer.js';
import { SessionTable, type SessionStorage, type SessionTableOptions } from './session-table.js';
import { SessionRecords, type SessionRecordsOptions } from './spill/session-records.js';
import type { SpillRecord } from './spill/spill-store.js';
import type { Session } from './session.js';
import { WindowPages, type WindowPagesOptions } from './window-pages.js';

export interface KvCacheOptions extends Omit<PageArenaOptions, 'onCopy'> {
  /** Pages of windowed layers, where those have pages of their own. */
  readonly windowed?: WindowPagesOptions;
  /** Keep computed tokens for later sequences of the same key. Default true. */
  readonly keepsPrefixes?: boolean;
  /** Bytes of one state of recurrent layers; 0 (the default) for models without them. */
  readonly stateBytes?: number;
  /** Bytes of states that are kept, at most. Default: 64 states, or as many as 256 MiB hold if those are fewer, at least 4. */
  readonly stateLimitBytes?: number;
  readonly sessions?: Omit<SessionTableOptions, 'onEvicted' | 'storage'>;
  /** How sessions are stored, where there is slower storage. */
  readonly sessionStorage?: Omit<SessionStorage, 'records'> &
    Omit<SessionRecordsOptions, 'store' | 'pageTokens' | 'onLost'>;
  /** Where the bytes of pages are: for slower storage, and for what is copied out and in. */
  readonly pages?: PageBytes;
  /** Slower storage for what has no room. Absent, or without `pages`: it is computed again. */
  readonly spill?: Pick<SpillParts, 'store'> & Partial<Pick<SpillParts, 'patienceMs'>>;
  /** Milliseconds, monotonic. */
  readonly clock?: Clock;
}

/**
 * The owner of the pages of one model: those of sequences under way, and computed tokens that are kept for the next sequence that begins
 * alike. Sequences of different keys share nothing (see `cacheKeyOf`).
 *
 * Invariant: that of the arena and of the tree; kept states belong to pages of the tree, and are within their limit.
 */
export class KvCache {
  readonly arena: PageArena;
  /** Pages of windowed layers, where those have pages of their own. */
  readonly windows: WindowPages | undefined;
  readonly stateBytes: number;
  readonly keepsPrefixes: boolean;
  /** What goes on from request to request. */
  readonly sessions: SessionTable;
  readonly #tree: PrefixTree;
  readonly #keptWindows: KeptWindows | undefined;
  readonly #transfer: TransferParts | undefined;
  readonly #tier: SpillTier | undefined;
  readonly #records: SessionRecords | undefined;
  readonly #report = new CacheReport();
  readonly #states: KeptStates;
  readonly #shared: SharedBeginnings;
  #copies: [from: number, to: number][] = [];

  /** @throws StarlingError invalid_argument if a count is not a positive integer */
  constructor(options: KvCacheOptions) {
    const { keepsPrefixes = true, stateBytes = 0, stateLimitBytes } = options;
    this.arena = new PageArena({ ...options, onCopy: (from, to) => this.#copies.push([from, to]) });
    // At the port of bytes these pages follow all others.
    const { windowed } = options;
    this.windows =
      windowed &&
      new WindowPages(windowed, this.arena.pageTokens, (from, to) =>
        this.#copies.push([options.pageCount + from, options.pageCount + to]),
      );
    this.#keptWindows = this.windows && new KeptWindows(this.windows);
    assert(
      windowed === undefined || stateBytes === 0,
      'windowed layers beside recurrent ones share the pages of the others',
    );
    this.keepsPrefixes = keepsPrefixes;
    this.stateBytes = stateBytes;
    this.#states = new KeptStates({ stateBytes, limitBytes: stateLimitBytes });
    this.#tree = new PrefixTree(
      this.arena,
      (node) => this.#states.drop(node),
      (from, to) => this.#states.move(from, to),
      this.#keptWindows,
    );
    this.#shared = new SharedBeginnings({
      arena: this.arena,
      tree: this.#tree,
      states: this.#states,
      windows: this.#keptWindows,
    });
    this.#transfer = options.pages && {
      arena: this.arena,
      windows: this.windows,
      tree: this.#tree,
      pages: options.pages,
      evictWindows: (pages) => void this.#keptWindows?.evict(pages),
      evict: (pages) => this.evict(pages),
      keepState: (key, tokens, state) => this.keepState(key, tokens, state),
    };
    this.#tier =
      options.spill &&
      this.#transfer &&
      new SpillTier({
        ...options.spill,
        ...this.#transfer,
        patienceMs: options.spill.patienceMs ?? PATIENCE_MS,
        clock: options.clock ?? monotonicClock,
        onLate: (work) => this.#report.emit({ kind: 'storage_late', work }),
        onReleased: () => this.#report.emit({ kind: 'pages_released' }),
        stateBytes,
      });
    const onEvicted = ({ tenant, id }: Session): void =>
      this.#report.emit({ kind: 'session_evicted', tenant, session: id });
    const onLost = (tenant: string, session: string, why: string): void =>
      this.#report.emit({ kind: 'session_lost', tenant, session, why });
    const { spill, sessionStorage } = options;
    this.#records =
      spill &&
      sessionStorage &&
      new SessionRecords({
        ...sessionStorage,
        onLost,
        store: spill.store,
        patienceMs: spill.patienceMs,
        pageTokens: this.arena.pageTokens,
      });
    this.sessions = new SessionTable(this.#tree, {
      ...options.sessions,
      onEvicted,
      ...(sessionStorage && this.#records && { storage: { ...sessionStorage, records: this.#records } }),
    });
  }

  /** Adds a listener for telemetry; the returned function takes it off again. */
  on(listener: Listener<CacheEvent>): () => void {
    return this.#report.on(listener);
  }

  /** Pages that are held for all tenants: no sequence that begins otherwise can have them. */
  get sharedPages(): number {
    return this.#shared.pageCount;
  }

  /** Pages that are free, or will be when they are asked for. */
  get availablePages(): number {
    return this.arena.freePages + this.arena.evictablePages;
  }

  /** A sequence that holds nothing. */
  newSequence(): KvSequence {
    return new KvSequence(this.arena, this.windows);
  }

  /** A sequence of the longest known beginning of `tokens[0, limit)`. */
  match(key: string | undefined, tokens: ArrayLike<number>, limit: number): CacheMatch {
    if (key === undefined || !this.keepsPrefixes)
      return { kv: this.newSequence(), miss: { reason: 'off', position: 0 } };
    const { nodes, matched, end, known, length: usable } = this.#tree.usable(key, tokens, limit);
    const state = this.#states.last(this.#tree, nodes, tokens, matched);
    const length = this.stateBytes === 0 ? usable : (state?.position ?? 0);
    const used = nodes.slice(0, this.arena.pagesFor(length));
    this.#tree.touch(used);
    for (const node of used) node.hits++;
    const kv = KvSequence.over(
      this.arena,
      used.map(({ page }) => page),
      length,
      this.#keptWindows?.seenFrom(used, length),
    );
    const reason = length < known ? (this.windows ? 'window' : 'state') : end === 'unknown' ? 'new' : end;
    return {
      kv,
      ...(state && { state }),
      ...(length < known && this.stateBytes > 0 && { branch: known }),
      ...(length < limit && { miss: { reason, position: length } }),
    };
  }

  /** How many of some tokens a match would give now; nothing counts as used by it. */
  known(key: string, tokens: ArrayLike<number>): number {
    return this.#reach(key, tokens, tokens.length);
  }

  /**
   * Has all keys that begin with `key` begin with what is kept of some tokens under it, from now on and for good: its pages and states are
   * never evicted.
   * @returns how many of the tokens there are
   */
  share(key: string, tokens: Uint32Array): number {
    return this.#shared.add(key, tokens);
  }

  /** Counts a match that was used, of a prompt of so many tokens. */
  count(match: Pick<CacheMatch, 'miss'>, hitTokens: number, promptTokens: number): void {
    this.#report.matched(match, hitTokens, promptTokens);
  }

  /**
   * Keeps what a sequence has computed: `tokens` are its first `kv.length` or more; with `partial` also the last page, if it is filled in part.
   * The sequence goes on as before; what it writes next goes to pages of its own.
   */
  donate(
    key: string | undefined,
    tokens: Uint32Array,
    kv: KvSequence,
    { partial }: { readonly partial: boolean },
  ): void {
    if (key === undefined || !this.keepsPrefixes) return;
    const { pageTokens } = this.arena;
    const length = partial ? kv.length : kv.length - (kv.length % pageTokens);
    if (length > 0) this.#tree.insert(key, tokens, kv, length);
    this.#tier?.poke();
  }

  /**
   * Brings back what slower storage has of the beginning of `tokens[0, limit)`, if that is more than memory has.
   * @param onDone called when it is there, or cannot be had
   * @returns undefined if there is nothing to wait for
   */
  restore(key: string | undefined, tokens: Uint32Array, limit: number, onDone: () => void): RestoreTicket | undefined {
    if (key === undefined || !this.keepsPrefixes || this.#tier === undefined) return undefined;
    return this.#tier.restore(key, tokens, limit, this.#reach(key, tokens, limit), onDone);
  }

  /** A copy of what is known of the beginning of some tokens, slower storage included; a prompt that begins so begins with it elsewhere, too. */
  async copyOut(key: string, tokens: Uint32Array): Promise<SpillRecord> {
    assert(this.#transfer !== undefined, 'there are pages to copy from');
    await new Promise<void>((resolve) => {
      if (this.restore(key, tokens, tokens.length, resolve) === undefined) resolve();
    });
    const { nodes, matched } = this.#tree.find(key, tokens, tokens.length);
    const last = this.#states.last(this.#tree, nodes, tokens, matched);
    const states = nodes
      .flatMap((node) => node.states)
      .filter((state) => state.position <= matched && state.position !== last?.position);
    const pages = await readPages(this.#transfer, nodes, matched, 0);
    return {
      key: new Uint8Array(KEY_BYTES),
      owner: new Uint8Array(KEY_BYTES),
      tokens: tokens.slice(0, matched),
      from: 0,
      pageTokens: this.arena.pageTokens,
      pages,
      states: last ? [...states, last] : states,
      label: '',
      memo: '',
    };
  }

  /**
   * Takes what was copied out, here or elsewhere, for tokens of a key.
   * @returns how many tokens are known now: all, or, for want of room, what was known before
   * @throws StarlingError invalid_argument for pages of other sizes
   */
  async copyIn(key: string, record: SpillRecord): Promise<number> {
    assert(this.#transfer !== undefined, 'there are pages to copy to');
    if (record.from !== 0 || !fits(record, this.#transfer, this.stateBytes))
      throw new StarlingError('invalid_argument', 'its pages and states have other sizes than those of this model');
    if (record.tokens.length > 0 && this.keepsPrefixes) await attachRecord(this.#transfer, key, record.tokens, record);
    this.#tier?.poke();
    return this.#tree.usable(key, record.tokens, record.tokens.length).length;
  }

  /**
   * Takes over pages that the caller allocated from `arena` and filled with the keys and values of `tokens` (computed elsewhere, read from a file):
   * nothing is copied, and they are the cache's from now on. Those that it has already for these tokens are free again.
   * @param pages as many as `arena.pagesFor(tokens.length)`, in order, each held by the caller alone
   * @returns how many of the tokens are known now
   * @throws StarlingError invalid_argument for another number of pages, and where windowed layers have pages of their own; then nothing was taken
   */
  adopt(key: string, tokens: Uint32Array, pages: ArrayLike<number>): number {
    const { pageTokens } = this.arena;
    const needed = this.arena.pagesFor(tokens.length);
    if (pages.length !== needed)
      throw new StarlingError(
        'invalid_argument',
        `${tokens.length} tokens lie in ${needed} pages of ${pageTokens}, not in ${pages.length}`,
        { details: { pages: pages.length, needed } },
      );
    if (this.windows !== undefined)
      throw new StarlingError(
        'invalid_argument',
        'windowed layers have pages of their own here: bring what was computed elsewhere by copyIn',
      );
    for (let i = 0; i < needed; i++)
      this.arena.setFilled(pages[i], Math.min(pageTokens, tokens.length - i * pageTokens));
    const kv = KvSequence.over(this.arena, pages, tokens.length);
    for (let i = 0; i < needed; i++) this.arena.release(pages[i]);
    this.donate(key, tokens, kv, { partial: true });
    kv.release();
    return this.#reach(key, tokens, tokens.length);
  }

  /** Whether pages are held for a moment, to be copied or brought back: `pages_released` follows. */
  get isHolding(): boolean {
    return this.#tier?.isHolding ?? false;
  }

  /** Settles when nothing is being brought back. */
  async restored(): Promise<void> {
    await this.#tier?.restored();
  }

  /** Reads which sessions are stored: once, before they are asked for. */
  async openSessions(): Promise<void> {
    await this.#records?.open();
  }

  /** Copies all that slower storage has room for to it, if there is one: at the end, when no sequence runs any more. */
  async spillAll(signal?: AbortSignal): Promise<void> {
    await this.sessions.save();
    await this.#tier?.writeAll(signal);
    await this.#tier?.close();
  }

  /** Keeps a state for tokens that were donated; false if their pages are gone, or are shared with others. */
  keepState(key: string | undefined, tokens: ArrayLike<number>, state: StateCheckpoint): boolean {
    if (key === undefined || !this.keepsPrefixes) return false;
    const { nodes, matched } = this.#tree.find(key, tokens, state.position);
    const node = nodes.at(-1);
    // What one tenant leaves with a page that all share would tell others of it.
    if (node === undefined || matched !== state.position || rootOf(node).key !== key) return false;
    this.#states.keep(node, state);
    return true;
  }

  /** Makes up to `pages` pages free that only the cache holds; gives how many. */
  evict(pages: number): number {
    const freed = this.#tree.evict(pages);
    this.#report.evicted(freed);
    this.#tier?.poke();
    return freed;
  }

  /**
   * Frees pages that only the cache holds, until `kv` can reserve `tokens`. Where all of them would not be enough, none goes.
   * @returns how many pages are missing, with those that are kept; 0: there is room
   */
  makeRoom(kv: KvSequence, tokens: number): number {
    for (;;) {
      const pages = kv.pagesToReserve(tokens) - this.arena.freePages;
      const windows = this.windows === undefined ? 0 : kv.windowPagesToReserve(tokens) - this.windows.arena.freePages;
      if (pages <= 0 && windows <= 0) return 0;
      if (pages > this.arena.evictablePages || windows > (this.windows?.arena.evictablePages ?? 0))
        return Math.max(pages, windows);
      const freed = (pages > 0 ? this.evict(pages) : 0) + (windows > 0 ? (this.#keptWindows?.evict(windows) ?? 0) : 0);
      if (freed === 0) return Math.max(pages, windows);
    }
  }

  /** Has a sequence give back pages of windowed layers that slid out of the window. What they hold is kept, while there is room, for others that begin alike. */
  slide(key: string | undefined, tokens: () => Uint32Array, kv: KvSequence): void {
    if (kv.windows?.canSlide(kv.length) !== true) return;
    this.donate(key, tokens(), kv, { partial: false });
    kv.slide();
  }

  /** Page copies that must be made, in order, before the next step; they are the caller's from now on. */
  takeCopies(): [from: number, to: number][] {
    const copies = this.#copies;
    this.#copies = [];
    return copies;
  }

  /** Takes copies back that were not made. */
  returnCopies(copies: readonly [from: number, to: number][]): void {
    this.#copies.unshift(...copies);
  }

  statistics(): KvCacheStatistics {
    return {
      ...this.#report.counts(),
      cachedPages: this.#tree.size,
      evictablePages: this.arena.evictablePages,
      states: this.#states.size,
      stateBytes: this.#states.size * this.stateBytes,
      sharedTokens: this.#shared.tokens,
      sharedPages: this.sharedPages,
      sessions: this.sessions.size,
      evictedSessions: this.sessions.evicted,
    };
  }

  /**
   * Checks the invariant above.
   * @param tables page tables of all sequences
   * @param windowTables those of windowed layers, where these have pages of their own
   * @throws StarlingError internal with what is broken
   */
  checkIntegrity(tables: Iterable<ArrayLike<number>>, windowTables: Iterable<ArrayLike<number>> = []): void {
    this.#keptWindows?.checkIntegrity(this.#tree.nodes(), [...windowTables, ...this.#shared.windowTables()]);
    this.#tree.checkIntegrity(this.sessions.anchors());
    this.sessions.checkIntegrity();
    this.arena.checkIntegrity([
      ...tables,
      Array.from(this.#tree.nodes(), ({ page }) => page),
      ...this.#shared.tables(),
    ]);
    this.#tier?.checkIntegrity();
    this.#states.checkIntegrity(this.arena.pageTokens);
  }

  /** How far a prompt gets with what is there of it. */
  #reach(key: string, tokens: ArrayLike<number>, limit: number): number {
    const { nodes, matched, length } = this.#tree.usable(key, tokens, limit);
    return this.stateBytes === 0 ? length : (this.#states.last(this.#tree, nodes, tokens, matched)?.position ?? 0);
  }
}
