import { attachRecord, fits, type TransferParts } from './page-transfer.js';
import type { PageNode } from '../page-node.js';
import { waitFor } from './patience.js';
import { SpillIndex, holds, type SpillLink } from './spill-index.js';
import type { SpillRecord } from './spill-store.js';
import { SpillWriter, type SpillParts } from './spill-writer.js';

/** What a tier needs of the cache that it stands behind. */
export interface SpillTierParts extends SpillParts, TransferParts {
  /** Storage did not answer in time: it is done without. */
  readonly onLate: (kind: 'write' | 'read') => void;
  /** Pages that were held for a while can be had again. */
  readonly onReleased: () => void;
  /** Bytes of a state of recurrent layers, with which a prefix is only of use up to a state; 0 without. */
  readonly stateBytes: number;
}

/** Fewer tokens are computed again sooner than they are read. */
const WORTH_TOKENS = 4;

/** Somebody who waits for what is brought back. */
export interface RestoreTicket {
  /** Wants it no longer: `onDone` is not called. */
  cancel(): void;
}

/**
 * A second home for cached pages: the coldest are copied to a store while memory is short, all of them at the end, and they are brought back
 * when a prompt begins with them. What comes back is checked as a whole before any of it is attached.
 */
export class SpillTier {
  readonly #parts: SpillTierParts;
  readonly #index: SpillIndex;
  readonly #writer: SpillWriter;
  readonly #stopListening: () => void;
  /** Restores take turns. */
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  /** Reads that were given up on and have not come back: nobody else waits for that storage. */
  #stuck = 0;

  constructor(parts: SpillTierParts) {
    const { store, arena } = parts;
    this.#parts = parts;
    this.#index = new SpillIndex(arena.pageTokens);
    this.#writer = new SpillWriter(parts, {
      onWritten: (entry) => this.#index.add(entry),
      isStored: (node) => this.#isStored(node),
      onLate: parts.onLate,
      onReleased: parts.onReleased,
    });
    for (const entry of store.entries()) this.#index.add(entry);
    this.#stopListening = store.on((event) => {
      if (event.kind === 'dropped') this.#index.delete(event.id);
      else if (event.kind === 'found') this.#index.add(event.entry);
    });
  }

  get #needsStates(): boolean {
    return this.#parts.stateBytes > 0;
  }

  /** Records that can be brought back. */
  get size(): number {
    return this.#index.size;
  }

  /** Whether pages are held for a moment: they are being copied, or brought back. */
  get isHolding(): boolean {
    return this.#waiting > 0 || this.#writer.isHolding;
  }

  /** Settles when nothing is being brought back. */
  async restored(): Promise<void> {
    while (this.#waiting > 0) await this.#turn;
  }

  /** False after a failure of the store, until it is tried again. */
  get isWorking(): boolean {
    return this.#writer.isWorking;
  }

  /** To be called when pages were cached or evicted. */
  poke(): void {
    this.#writer.poke();
  }

  /**
   * Brings back what the store has of the beginning of `tokens[0, limit)`, if that is more than memory has.
   * @param known the tokens of it that memory has
   * @param onDone called when it is there, or cannot be had
   * @returns undefined if there is nothing to wait for
   */
  restore(
    key: string,
    tokens: Uint32Array,
    limit: number,
    known: number,
    onDone: () => void,
  ): RestoreTicket | undefined {
    this.#parts.store.refresh();
    const links = this.#linksOf(key, tokens, limit);
    if (this.#stuck > 0 || this.#reach(links) - known < WORTH_TOKENS) return undefined;
    let isWanted = true;
    this.#waiting++;
    this.#turn = this.#turn
      .then(() => this.#restore(key, tokens, links, () => isWanted))
      .catch(() => undefined)
      .then(() => {
        this.#waiting--;
        if (isWanted) onDone();
        this.#parts.onReleased();
      });
    return { cancel: () => (isWanted = false) };
  }

  /** Writes all that the store has room for. */
  writeAll(signal?: AbortSignal): Promise<void> {
    return this.#writer.writeAll(signal);
  }

  /** Waits for what is under way; the store stays open, others may have it too. */
  async close(): Promise<void> {
    await this.#writer.close();
    await this.#turn;
    this.#stopListening();
  }

  /** @throws StarlingError internal with what is broken */
  checkIntegrity(): void {
    this.#index.checkIntegrity();
    this.#parts.store.checkIntegrity();
  }

  #isStored({ record }: PageNode): boolean {
    return record !== undefined && this.#index.has(record);
  }

  /** Records of a key: from the first token on, or behind what it shares with others, which memory has. */
  #linksOf(key: string, tokens: Uint32Array, limit: number): SpillLink[] {
    const { store, tree } = this.#parts;
    const name = store.keyOf(key);
    const whole = this.#index.chain(name, tokens, limit);
    const shared = tree.sharedLength(key, tokens, limit);
    const behind = shared === 0 ? whole : this.#index.chain(name, tokens, limit, shared);
    return this.#reach(behind) > this.#reach(whole) ? behind : whole;
  }

  /** How far the records of a chain bring a prompt. */
  #reach(links: readonly SpillLink[]): number {
    const end = links.at(-1)?.to ?? 0;
    if (!this.#needsStates) return end;
    return links.reduce(
      (far, { entry, to }) =>
        entry.states.reduce((best, position) => (position <= to && position > best ? position : best), far),
      0,
    );
  }

  async #restore(
    key: string,
    tokens: Uint32Array,
    links: readonly SpillLink[],
    isWanted: () => boolean,
  ): Promise<void> {
    const { store, tree } = this.#parts;
    for (const { entry, to } of links) {
      if (!isWanted()) return;
      const known = tree.usable(key, tokens, to).length;
      // What memory has was used by this prompt all the same.
      if (known >= to && !this.#needsStates) continue;
      const record = await this.#read(entry.id);
      if (record === undefined || !fits(record, this.#parts, this.#parts.stateBytes) || !holds(record, tokens, to))
        return;
      if (!(await attachRecord(this.#parts, key, tokens.slice(0, to), record, isWanted))) return;
      const from = Math.max(record.from, tree.sharedLength(key, tokens, to));
      for (const node of tree.find(key, tokens, to).nodes)
        if (
          node.depth * record.pageTokens >= from &&
          isWithin(record, node.tokens, node.depth) &&
          !this.#isStored(node)
        )
          node.record = entry.id;
    }
    store.touch(links.map(({ entry }) => entry.id).reverse());
  }

  /** A record, checked; undefined if there is none, or storage takes too long. */
  async #read(id: string): Promise<SpillRecord | undefined> {
    const { store, patienceMs, onLate } = this.#parts;
    if (this.#stuck > 0) return undefined;
    const read = await waitFor(store.get(id), patienceMs, () => this.#stuck--);
    if (!read.isLate) return read.value;
    this.#stuck++;
    onLate('read');
    return undefined;
  }
}

/** Whether a page's tokens are those of a record at its place. */
function isWithin(record: SpillRecord, tokens: Uint32Array, depth: number): boolean {
  const start = depth * record.pageTokens;
  return (
    start + tokens.length <= record.tokens.length && tokens.every((token, i) => record.tokens[start + i] === token)
  );
}
