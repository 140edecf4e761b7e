import type { PackedStrings } from '@starling/core';
import { CONTROL, type Canonicalize, type Vocabulary } from '../vocabulary/vocabulary.js';
import { PairTable } from './pair-table.js';

/** How merges are written down. */
export interface MergeNotation {
  readonly canonicalize: Canonicalize;
  /** How many bytes of the right part a merge leaves out: the mark of parts that go on with a word. */
  readonly leftOut: number;
  /** What to throw for a merge that cannot be. */
  broken(rank: number, reason: string): Error;
}

/** What a control token is merged from. */
interface ControlParts {
  readonly left: number;
  readonly right: number;
  /** Length of the left part's entry in canonical bytes. */
  readonly leftBytes: number;
}

/** The merges of a byte-pair vocabulary by the ids of their parts. Of equal merges the last one counts, as in the `tokenizers` library. */
export class MergeList {
  readonly pairs: PairTable;
  /** The id that each merge makes: `(n_merges)`. */
  readonly results: Int32Array;
  /** How to write control tokens without them, by id. */
  readonly partsOfControl = new Map<number, ControlParts>();

  /** @param parts the parts of merge i are strings 2 i and 2 i + 1, best first, in the notation of the vocabulary's entries */
  constructor(vocabulary: Vocabulary, parts: PackedStrings, { canonicalize, leftOut, broken }: MergeNotation) {
    const { bytes, offsets } = parts;
    const count = parts.length / 2;
    this.pairs = new PairTable(count);
    this.results = new Int32Array(count).fill(-1);
    let line = new Uint8Array(256);
    for (let rank = 0; rank < count; rank++) {
      const start = offsets[rank * 2];
      const space = offsets[rank * 2 + 1];
      const end = offsets[rank * 2 + 2];
      if (line.length < end - start) line = new Uint8Array((end - start) * 2);
      const middle = canonicalize(bytes, start, space, line, 0);
      const last = middle < 0 ? -1 : canonicalize(bytes, space, end, line, middle);
      const left = middle <= 0 ? -1 : vocabulary.find(line, 0, middle);
      const right = last <= middle ? -1 : vocabulary.find(line, middle, last);
      if (left < 0 || right < 0) {
        for (const part of [rank * 2, rank * 2 + 1]) {
          if (vocabulary.entryOf(parts.at(part)) === undefined)
            throw broken(rank, `its part ${JSON.stringify(parts.at(part))} is not in the vocabulary`);
        }
        // Both are entries, but of a form that no text takes.
        continue;
      }
      if (last - middle < leftOut)
        throw broken(
          rank,
          `its part ${JSON.stringify(parts.at(rank * 2 + 1))} is shorter than the mark of parts that go on with a word`,
        );
      if (leftOut > 0) line.copyWithin(middle, middle + leftOut, last);
      const result = vocabulary.find(line, 0, last - leftOut);
      if (result < 0)
        throw broken(
          rank,
          `what ${JSON.stringify(parts.at(rank * 2))} and ${JSON.stringify(parts.at(rank * 2 + 1))} make is not in the vocabulary`,
        );
      this.pairs.set(left, right, rank);
      this.results[rank] = result;
      if (vocabulary.has(result, CONTROL) && !this.partsOfControl.has(result))
        this.partsOfControl.set(result, { left, right, leftBytes: middle });
    }
  }
}
