import type { Listener } from '@starling/core';
import type { SessionDirectory } from './shared-store.js';

/**
 * Some pages of a sequence, on their way to slower storage or back: those from position `from` on, of all that a model computed for `tokens`.
 * Pages are whole: the last one may be filled in part, and what lies after its tokens has no meaning.
 */
export interface SpillRecord {
  /** 32 bytes: `keyOf` of everything that pages depend on beside tokens (weights, layout, adapters, tenant, salt). */
  readonly key: Uint8Array;
  /** 32 bytes: `keyOf` of whoever it counts for where room is shared (`ownerScopeOf`). */
  readonly owner: Uint8Array;
  /** All tokens from the beginning of the sequence, also those whose pages are not here. */
  readonly tokens: Uint32Array;
  /** A multiple of `pageTokens`: pages before it are in other records, or nowhere. At or beyond the end of the tokens: the record has no pages. */
  readonly from: number;
  readonly pageTokens: number;
  /** `ceil((tokens - from) / pageTokens)` pages of equal size, see `storedPageBytes`. */
  readonly pages: readonly Uint8Array[];
  /** States of recurrent layers, each valid after exactly `position` tokens. */
  readonly states: readonly { readonly position: number; readonly bytes: Uint8Array }[];
  /** What its owner calls it; empty for prefixes. */
  readonly label: string;
  /** What its owner wants to be kept with it. */
  readonly memo: string;
}

/** A record that a store holds, as far as memory has it. */
export interface SpilledEntry {
  readonly id: string;
  readonly key: Uint8Array;
  /** As hexadecimal digits. */
  readonly owner: string;
  readonly from: number;
  readonly pageTokens: number;
  /** Tokens of the whole record. */
  readonly length: number;
  /** Those from `from` on, whose pages it has. */
  readonly tokens: Uint32Array;
  /** `prefixDigest` of those before. */
  readonly prefix: number;
  /** Positions of its states. */
  readonly states: readonly number[];
  readonly label: string;
  /** Bytes that it takes in the store. */
  readonly bytes: number;
}

/** What a store has done and why it lost what it lost. */
export type SpillEvent =
  /** `durationMs` is how long the store took. */
  | { readonly kind: 'spilled'; readonly id: string; readonly bytes: number; readonly durationMs: number }
  | { readonly kind: 'restored'; readonly id: string; readonly bytes: number; readonly durationMs: number }
  /** `quota`: the least recently used one made room; `damaged`, `foreign`, `version`, `unreadable`: its check failed; `gone`: another process took it away. */
  | { readonly kind: 'dropped'; readonly id: string; readonly reason: DropReason; readonly message: string }
  /** Another process wrote a record. */
  | { readonly kind: 'found'; readonly entry: SpilledEntry }
  /** A write that did not succeed: nothing was kept, and nothing else is affected. */
  | { readonly kind: 'spill_failed'; readonly message: string };

export type DropReason = 'quota' | 'damaged' | 'foreign' | 'version' | 'unreadable' | 'gone';

/**
 * Slower storage for keys and values. Failing storage costs computation, never an answer: no method throws for what the storage does.
 *
 * Invariant: what `get` gives is bit for bit what `put` was given; the bytes of all entries are at most the limit, but for what others wrote since the last look.
 */
export interface SpillStore {
  /** Bytes of all entries, and what they may be. */
  readonly bytes: number;
  readonly limitBytes: number;
  /** Where several processes have the storage and hear of each other: who has which session. */
  readonly directory?: SessionDirectory;
  /** The key of a scope (`cacheKeyOf`): 32 bytes that tell nobody else what the scope was. The same after the store was opened again. */
  keyOf(scope: string): Uint8Array;
  /** Finds out, some time later, what others did to the storage. It may be called often. */
  refresh(): void;
  /** All entries, least recently used first. */
  entries(): SpilledEntry[];
  /**
   * Whether a record of pages would be taken that counts for `owner` and has so many bytes; false: it would have to push out what is worth
   * more, or is of those who have less.
   */
  accepts(owner: Uint8Array, bytes: number): boolean;
  /** A record that is there, also one that another process has just written, where they hear of each other. */
  find(id: string): Promise<SpilledEntry | undefined>;
  /** Keeps a record. Undefined: the storage would not take it. */
  put(record: SpillRecord): Promise<SpilledEntry | undefined>;
  /** A record, checked. Undefined: it is not there, or failed its check and is gone. */
  get(id: string): Promise<SpillRecord | undefined>;
  /** Notes that records were used, the last of them most recently. */
  touch(ids: readonly string[]): void;
  /** Forgets a record; one that is not there is no error. */
  delete(id: string): Promise<void>;
  /** Adds a listener; the returned function takes it off again. */
  on(listener: Listener<SpillEvent>): () => void;
  /** Waits for what is under way. */
  close(): Promise<void>;
  /** Checks that what it counts is what it holds. @throws StarlingError internal with what is broken */
  checkIntegrity(): void;
}
