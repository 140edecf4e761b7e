import type { Clock } from '@starling/core';
import type { PageArena } from '../page-arena.js';
import { ownerScopeOf, tenantIn } from '../cache-key.js';
import { pathTo, rootOf, type PageNode, type Root } from '../page-node.js';
import type { PageBytes } from '../ports.js';
import type { PrefixTree } from '../prefix-tree.js';
import type { WindowPages } from '../window-pages.js';
import { readPages, storedPageBytes } from './page-transfer.js';
import { waitFor } from './patience.js';
import type { SpillRecord, SpillStore, SpilledEntry } from './spill-store.js';

/** What spilling works with. */
export interface SpillParts {
  readonly store: SpillStore;
  readonly pages: PageBytes;
  readonly arena: PageArena;
  readonly windows?: WindowPages;
  readonly tree: PrefixTree;
  /** Milliseconds, monotonic. */
  readonly clock: Clock;
  /** Milliseconds that storage may take over one record. */
  readonly patienceMs: number;
}

export interface SpillWriterEvents {
  readonly onWritten: (entry: SpilledEntry) => void;
  /** Whether a page is in the store. */
  readonly isStored: (node: PageNode) => boolean;
  /** Storage did not answer in time. */
  readonly onLate: (kind: 'write' | 'read') => void;
  /** Pages that were being copied can be evicted again. */
  readonly onReleased: () => void;
}

/** Bytes of pages in one record, at most: what a write holds in memory. */
const RECORD_BYTES = 2 ** 25;
/** This part of all pages, those that would go first, is kept in the store while memory is short. */
const COLD_PART = 4;
/** A store that failed is left alone for so long, and one that has no room for an owner's pages, with those. */
const PAUSE_MS = 30_000;

/** What became of pages that were to be written: the store has them, has no room for their owner's, or failed. */
type Outcome = 'written' | 'declined' | 'failed';

/** Writes cached pages to slower storage, one record at a time, ahead of their eviction: who makes room never waits for it. */
export class SpillWriter {
  readonly #parts: SpillParts;
  readonly #events: SpillWriterEvents;
  #writing: Promise<void> | undefined;
  #leases = 0;
  #pausedUntil = -Infinity;
  readonly #owners = new WeakMap<Root, Uint8Array>();
  /** Those whose pages the store has no room for, and until when they are not tried again. */
  readonly #declinedUntil = new WeakMap<Root, number>();
  #anyDeclinedUntil = -Infinity;
  /** A write that was given up on, and has not come back. */
  #isStuck = false;
  #isClosed = false;

  constructor(parts: SpillParts, events: SpillWriterEvents) {
    this.#parts = parts;
    this.#events = events;
  }

  /** Whether pages are held that are being copied. */
  get isHolding(): boolean {
    return this.#leases > 0;
  }

  /** False after a failure, until the store is tried again. */
  get isWorking(): boolean {
    return !this.#isStuck && this.#parts.clock() >= this.#pausedUntil;
  }

  /** Begins to write what would be evicted soon, if memory is short. */
  poke(): void {
    if (this.#isClosed || this.#writing || !this.isWorking || this.#coldest() === undefined) return;
    this.#writing = this.#writeCold()
      // Pages that cannot be read are a fault of whoever computes them, who says so: here they are not kept.
      .catch(() => void (this.#pausedUntil = this.#parts.clock() + PAUSE_MS))
      .finally(() => (this.#writing = undefined));
  }

  /** Writes all that the store has room for, what was used last before all else; stops when told to. */
  async writeAll(signal?: AbortSignal): Promise<void> {
    await this.#writing;
    const { tree, store, arena } = this.#parts;
    const nodes = [...tree.nodes()]
      .filter((node) => !this.#events.isStored(node))
      .sort((a, b) => b.lastUsed - a.lastUsed || a.depth - b.depth);
    const room = Math.floor(store.limitBytes / Math.max(1, storedPageBytes(this.#parts.pages) + 4 * arena.pageTokens));
    // The most recent come last, so that they are the last to go from the store.
    for (const node of nodes.slice(0, room).reverse()) {
      while (!this.#events.isStored(node) && !this.#isDeclined(node) && this.isWorking) {
        if (signal?.aborted || arena.holdersOf(node.page) === 0 || (await this.#writePathOf(node)) !== 'written') break;
      }
    }
  }

  /** Begins nothing more, and waits for what is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#writing;
  }

  async #writeCold(): Promise<void> {
    for (let node = this.#coldest(); node && !this.#isClosed && this.isWorking; node = this.#coldest())
      if ((await this.#writePathOf(node)) === 'failed') return;
  }

  /** The first that would go and is not in the store, if it would go soon. */
  #coldest(): PageNode | undefined {
    const { arena, tree } = this.#parts;
    let left = Math.ceil(arena.pageCount / COLD_PART) - arena.freePages;
    if (left <= 0) return undefined;
    for (const node of tree.nodes()) {
      if (!this.#events.isStored(node) && !this.#isDeclined(node)) return node;
      if (--left <= 0) return undefined;
    }
    return undefined;
  }

  #isDeclined(node: PageNode): boolean {
    const now = this.#parts.clock();
    return now < this.#anyDeclinedUntil && now < (this.#declinedUntil.get(rootOf(node)) ?? -Infinity);
  }

  /** Whom the pages of a root count for: a tenant, whatever its salts, adapters and model; what is all tenants' for itself. */
  #ownerOf(root: Root): Uint8Array {
    const known = this.#owners.get(root);
    if (known) return known;
    const tenant = tenantIn(root.key);
    const owner = this.#parts.store.keyOf(tenant === undefined ? root.key : ownerScopeOf(tenant));
    this.#owners.set(root, owner);
    return owner;
  }

  /** Writes the first pages on the way to a node that are not in the store, as many as go into one record. */
  async #writePathOf(node: PageNode): Promise<Outcome> {
    const { store, pages, arena } = this.#parts;
    const { isStored } = this.#events;
    const path = pathTo(node);
    const root = rootOf(node);
    // What all tenants share is stored once, under the key that they have in common.
    const shared = root.base === undefined ? 0 : root.base.depth + 1;
    const first = path.findIndex((one, depth) => depth >= shared && !isStored(one));
    const most = Math.max(1, Math.floor(RECORD_BYTES / Math.max(1, storedPageBytes(pages))));
    let end = first;
    while (end < path.length && end - first < most && !isStored(path[end])) end++;
    const written = path.slice(first, end);
    const tokens = tokensOf(path.slice(0, end));
    const states = written.flatMap((one) => one.states);
    const size =
      written.length * storedPageBytes(pages) +
      4 * tokens.length +
      states.reduce((sum, state) => sum + state.bytes.length, 0);
    const owner = this.#ownerOf(root);
    if (!store.accepts(owner, size)) {
      const until = this.#parts.clock() + PAUSE_MS;
      this.#declinedUntil.set(root, until);
      this.#anyDeclinedUntil = until;
      return 'declined';
    }
    // The pages stay where they are until they are copied.
    const bytes = await this.#read(path.slice(0, end), tokens.length, first);
    const put = await this.#put({
      key: store.keyOf(root.key),
      owner,
      tokens,
      from: first * arena.pageTokens,
      pageTokens: arena.pageTokens,
      pages: bytes,
      states,
      label: '',
      memo: '',
    });
    if (put === undefined) {
      this.#pausedUntil = this.#parts.clock() + PAUSE_MS;
      return 'failed';
    }
    for (const one of written) one.record = put.id;
    // Without what comes before it a record is of no use: that was used just now, too.
    store.touch(
      [...new Set(path.slice(0, first).flatMap(({ record }) => (record === undefined ? [] : [record])))].reverse(),
    );
    return 'written';
  }

  /** Undefined: the store did not take it, or not in time. */
  async #put(record: SpillRecord): Promise<SpilledEntry | undefined> {
    const { onWritten, onLate } = this.#events;
    const put = await waitFor(this.#parts.store.put(record), this.#parts.patienceMs, (entry) => {
      this.#isStuck = false;
      if (entry) onWritten(entry);
    });
    if (put.isLate) {
      this.#isStuck = true;
      onLate('write');
      return undefined;
    }
    if (put.value) onWritten(put.value);
    return put.value;
  }

  async #read(path: readonly PageNode[], length: number, first: number): Promise<Uint8Array[]> {
    this.#leases++;
    try {
      return await readPages(this.#parts, path, length, first);
    } finally {
      this.#leases--;
      this.#events.onReleased();
    }
  }
}

function tokensOf(path: readonly PageNode[]): Uint32Array {
  const all = new Uint32Array(path.reduce((sum, { tokens }) => sum + tokens.length, 0));
  let at = 0;
  for (const { tokens } of path) {
    all.set(tokens, at);
    at += tokens.length;
  }
  return all;
}
