import { Emitter, assert, type Listener } from '@starling/core';
import { entryOf } from './spilled-entry.js';
import { hexOf } from './hex-of.js';
import { SpillQuota } from './spill-quota.js';
import type { SpillEvent, SpillRecord, SpillStore, SpilledEntry } from './spill-store.js';

/** A store in memory: for tests, and for places without a file system. */
export class MemorySpillStore implements SpillStore {
  readonly #quota: SpillQuota;
  readonly #keys = new Map<string, Uint8Array>();
  readonly #records = new Map<string, SpillRecord>();
  readonly #events = new Emitter<SpillEvent>();
  #count = 0;

  /** @param limitBytes of all records together */
  constructor(limitBytes = Infinity) {
    this.#quota = new SpillQuota(limitBytes);
  }

  get bytes(): number {
    return this.#quota.bytes;
  }

  get limitBytes(): number {
    return this.#quota.limitBytes;
  }

  on(listener: Listener<SpillEvent>): () => void {
    return this.#events.on(listener);
  }

  /** Numbers: a store that ends with the process has no need for more. */
  keyOf(scope: string): Uint8Array {
    let key = this.#keys.get(scope);
    if (key === undefined) {
      key = new Uint8Array(32);
      new DataView(key.buffer).setUint32(0, this.#keys.size + 1);
      this.#keys.set(scope, key);
    }
    return key.slice();
  }

  entries(): SpilledEntry[] {
    return this.#quota.entries();
  }

  accepts(owner: Uint8Array, bytes: number): boolean {
    return this.#quota.victims({ owner: hexOf(owner), label: '', from: 0, length: 0, bytes }) !== undefined;
  }

  /** Nobody else has it. */
  refresh(): void {
    return;
  }

  find(id: string): Promise<SpilledEntry | undefined> {
    return Promise.resolve(this.#quota.get(id));
  }

  put(record: SpillRecord): Promise<SpilledEntry | undefined> {
    const bytes = sizeOf(record);
    if (bytes > this.limitBytes) {
      this.#events.emit({
        kind: 'spill_failed',
        message: `a record of ${bytes} bytes is larger than the limit of ${this.limitBytes}`,
      });
      return Promise.resolve(undefined);
    }
    const id = String(this.#count++);
    const entry = entryOf(id, record, bytes);
    const victims = this.#quota.victims(entry);
    if (victims === undefined) {
      this.#events.emit({
        kind: 'spill_failed',
        message: `there is no room for ${bytes} bytes: what is stored is worth more, or is of those who have less`,
      });
      return Promise.resolve(undefined);
    }
    for (const victim of victims) {
      this.#remove(victim.id);
      this.#events.emit({ kind: 'dropped', id: victim.id, reason: 'quota', message: 'it was used longest ago' });
    }
    const copy: SpillRecord = {
      ...record,
      key: record.key.slice(),
      owner: record.owner.slice(),
      tokens: record.tokens.slice(),
      pages: record.pages.map((page) => page.slice()),
      states: record.states.map((state) => ({ ...state, bytes: state.bytes.slice() })),
    };
    this.#quota.add(entry);
    this.#records.set(id, copy);
    this.#events.emit({ kind: 'spilled', id, bytes, durationMs: 0 });
    return Promise.resolve(entry);
  }

  get(id: string): Promise<SpillRecord | undefined> {
    const entry = this.#quota.get(id);
    if (entry) {
      this.touch([id]);
      this.#events.emit({ kind: 'restored', id, bytes: entry.bytes, durationMs: 0 });
    }
    return Promise.resolve(this.#records.get(id));
  }

  touch(ids: readonly string[]): void {
    for (const id of ids) this.#quota.touch(id);
  }

  delete(id: string): Promise<void> {
    this.#remove(id);
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  checkIntegrity(): void {
    this.#quota.checkIntegrity();
    assert(
      this.#quota.entries().every(({ id }) => this.#records.has(id)) &&
        this.#records.size === this.#quota.entries().length,
      'the store has what it counts',
    );
  }

  #remove(id: string): void {
    this.#quota.delete(id);
    this.#records.delete(id);
  }
}

function sizeOf({ tokens, pages, states, memo }: SpillRecord): number {
  const sum = (parts: readonly Uint8Array[]): number => parts.reduce((bytes, part) => bytes + part.length, 0);
  return 4 * tokens.length + 2 * memo.length + sum(pages) + sum(states.map(({ bytes }) => bytes));
}
