import type { PackedStrings } from '@starling/core';
import { equalBytes, hashBytes } from '../vocabulary/byte-table.js';
import type { Canonicalize } from '../vocabulary/vocabulary.js';

const SPACE = 0x20;

/**
 * The merges of a byte-pair vocabulary, found by the bytes of both parts: open addressing over (hash, rank + 1). Nothing but the merges
 * themselves is looked at to build it, which makes loading a vocabulary of some hundred thousand merges a matter of milliseconds.
 */
export class MergeTable {
  /** Canonical bytes of all merges: merge i is `bytes[offsets[i], offsets[i + 1])`, its right part from `middles[i]` on. */
  private readonly bytes: Uint8Array;
  private readonly offsets: Uint32Array;
  private readonly middles: Uint32Array;
  private readonly slots: Int32Array;
  private readonly mask: number;
  /** Whether no merge puts a space behind something else: then text can be cut before each run of spaces. */
  readonly breaksBeforeSpaces: boolean;

  /**
   * @param merges lines of left part, separator, right part, best first; both parts in the notation of the vocabulary's entries. Of equal
   *   merges the first one counts; lines that no text can match are passed over.
   */
  constructor(merges: PackedStrings, canonicalize: Canonicalize, separator = SPACE) {
    const { bytes: source, offsets: lines } = merges;
    const count = merges.length;
    let size = 16;
    while (size * 3 < count * 5) size *= 2;
    this.bytes = new Uint8Array(source.length);
    this.offsets = new Uint32Array(count + 1);
    this.middles = new Uint32Array(count);
    this.slots = new Int32Array(size * 2);
    this.mask = size - 1;
    let breaks = true;
    let at = 0;
    for (let rank = 0; rank < count; rank++) {
      const end = lines[rank + 1];
      let middle = lines[rank] + 1;
      while (middle < end && source[middle] !== separator) middle++;
      const left = middle < end ? canonicalize(source, lines[rank], middle, this.bytes, at) : -1;
      const right = left < 0 ? -1 : canonicalize(source, middle + 1, end, this.bytes, left);
      if (left > at && right > left) {
        this.middles[rank] = left;
        if (this.bytes[left] === SPACE && this.bytes[left - 1] !== SPACE) breaks = false;
        this.add(rank, at, left, right);
        at = right;
      }
      this.offsets[rank + 1] = at;
    }
    this.breaksBeforeSpaces = breaks;
  }

  /** The rank of merging `bytes[start, middle)` with `bytes[middle, end)`, whose hashes are given; -1 if they do not merge. */
  find(leftHash: number, rightHash: number, bytes: Uint8Array, start: number, middle: number, end: number): number {
    const { slots, mask, offsets } = this;
    const hash = joinHashes(leftHash, rightHash);
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const rank = slots[slot * 2 + 1] - 1;
      if (rank < 0) return -1;
      if (slots[slot * 2] !== hash) continue;
      const from = offsets[rank];
      if (offsets[rank + 1] - from !== end - start || this.middles[rank] - from !== middle - start) continue;
      if (equalBytes(this.bytes, from, bytes, start, end)) return rank;
    }
  }

  /** Where the best merge that makes `bytes[start, end)` joins it, or `start` if none does. */
  middleOf(bytes: Uint8Array, start: number, end: number): number {
    let best = Infinity;
    let found = start;
    for (let middle = start + 1; middle < end; middle++) {
      const rank = this.find(hashBytes(bytes, start, middle), hashBytes(bytes, middle, end), bytes, start, middle, end);
      if (rank < 0 || rank >= best) continue;
      best = rank;
      found = middle;
    }
    return found;
  }

  private add(rank: number, start: number, middle: number, end: number): void {
    const { slots, mask, bytes } = this;
    const leftHash = hashBytes(bytes, start, middle);
    const rightHash = hashBytes(bytes, middle, end);
    const hash = joinHashes(leftHash, rightHash);
    let slot = hash & mask;
    while (slots[slot * 2 + 1] !== 0) {
      if (slots[slot * 2] === hash && this.find(leftHash, rightHash, bytes, start, middle, end) >= 0) return;
      slot = (slot + 1) & mask;
    }
    slots[slot * 2] = hash;
    slots[slot * 2 + 1] = rank + 1;
  }
}

function joinHashes(left: number, right: number): number {
  const hash = Math.imul(left, 0x2c1b3c6d) ^ Math.imul(right, 0x297a2d39);
  return hash ^ (hash >>> 15);
}
