import type { PackedStrings } from '@starling/core';
import type { Canonicalize, Vocabulary } from '../vocabulary/vocabulary.js';
import { PairTable } from './pair-table.js';

/**
 * The merges of a byte-pair vocabulary whose entries mark their place in a word. A symbol is an id of the vocabulary or, from `vocabulary.size` on, a string that takes part in
 * merges without being an entry.
 */
export class MergeList {
  readonly pairs: PairTable;
  /** The symbol that each merge makes: `(n_merges)`. */
  readonly results: Int32Array;
  private readonly strangers = new Map<string, number>();

  /**
   * @param merges lines of left part, separator, right part, best first; both parts in the notation of the vocabulary's entries
   * @param joint how lines are written: the byte between the parts, and how many canonical bytes of the right part a merge leaves out
   */
  constructor(
    private readonly vocabulary: Vocabulary,
    merges: PackedStrings,
    canonicalize: Canonicalize,
    joint: { separator: number; leftOut: number },
  ) {
    const { bytes, offsets } = merges;
    this.pairs = new PairTable(merges.length);
    this.results = new Int32Array(merges.length).fill(-1);
    let line = new Uint8Array(256);
    for (let rank = 0; rank < merges.length; rank++) {
      const start = offsets[rank];
      const end = offsets[rank + 1];
      const space = bytes.indexOf(joint.separator, start + 1);
      if (space < 0 || space >= end) continue;
      if (line.length < end - start) line = new Uint8Array((end - start) * 2);
      const middle = canonicalize(bytes, start, space, line, 0);
      const last = middle < 0 ? -1 : canonicalize(bytes, space + 1, end, line, middle);
      if (middle <= 0 || last <= middle) continue;
      this.pairs.add(this.symbolOf(line, 0, middle), this.symbolOf(line, middle, last), rank);
      if (joint.leftOut > 0) line.copyWithin(middle, middle + joint.leftOut, last);
      this.results[rank] = this.symbolOf(line, 0, last - joint.leftOut);
    }
  }

  /** The symbol of canonical bytes; a stranger gets a number of its own. */
  private symbolOf(bytes: Uint8Array, start: number, end: number): number {
    const id = this.vocabulary.find(bytes, start, end);
    if (id >= 0) return id;
    const key = String.fromCharCode(...bytes.subarray(start, end));
    let symbol = this.strangers.get(key);
    if (symbol === undefined) this.strangers.set(key, (symbol = this.vocabulary.size + this.strangers.size));
    return symbol;
  }

  /** The symbol of canonical bytes, or -1 if no entry and no merge has it. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const id = this.vocabulary.find(bytes, start, end);
    if (id >= 0) return id;
    if (this.strangers.size === 0) return -1;
    return this.strangers.get(String.fromCharCode(...bytes.subarray(start, end))) ?? -1;
  }
}
