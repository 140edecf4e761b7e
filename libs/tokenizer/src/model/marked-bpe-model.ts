import { sequenceLength, utf8Bytes } from '../text/utf8.js';
import type { Splitter } from '../split/splitter.js';
import { CONTROL, type Vocabulary } from '../vocabulary/vocabulary.js';
import type { MergeList } from './merge-list.js';
import { Merger, type MergeRules } from './merger.js';
import { WordModel } from './word-model.js';

/** How entries mark their place in a word. */
export interface MarkedBpeOptions {
  /** Symbols begin as bytes; else as characters. */
  readonly byteLevel: boolean;
  /** Written behind the last character of a word. */
  readonly endOfWord: string;
  /** Written before each character of a word but the first. */
  readonly partMark: string;
  readonly unknown?: number;
  /** Unknown characters in a row are one token. */
  readonly fusesUnknown: boolean;
}

/** Byte-pair encoding over entries that say whether they end a word (`</w>`) or go on with it (`##`). */
export class MarkedBpeModel extends WordModel implements MergeRules {
  readonly maxTokensPerByte = 1;
  private readonly merger = new Merger(this);
  private readonly partMark: Uint8Array;
  private readonly endOfWord: Uint8Array;

  constructor(
    vocabulary: Vocabulary,
    splitter: Splitter,
    private readonly merges: MergeList,
    private readonly options: MarkedBpeOptions,
  ) {
    super(vocabulary, splitter, () => false);
    this.partMark = utf8Bytes(options.partMark);
    this.endOfWord = utf8Bytes(options.endOfWord);
  }

  pair(left: number, right: number): number {
    return left < 0 || right < 0 ? -1 : this.merges.pairs.find(left, right);
  }

  cost(rank: number): number {
    return rank;
  }

  symbol(rank: number): number {
    return this.merges.results[rank];
  }

  protected merge(bytes: Uint8Array, start: number, end: number): void {
    const { merger, vocabulary } = this;
    merger.reserve(end - start);
    const count = merger.run(bytes, this.startWord(bytes, start, end));
    const { symbols, starts } = merger;
    for (let i = 0; i < count; i++) {
      if (symbols[i] >= 0 && symbols[i] < vocabulary.size && !vocabulary.has(symbols[i], CONTROL)) this.addPiece(symbols[i], starts[i + 1]);
      else this.addUnknown(starts[i + 1]);
    }
  }

  /** Sets the symbols of a word before any merge, and returns how many there are. */
  private startWord(bytes: Uint8Array, start: number, end: number): number {
    const { symbols, starts } = this.merger;
    let count = 0;
    for (let i = start; i < end; ) {
      const next = this.options.byteLevel ? i + 1 : Math.min(end, i + sequenceLength(bytes[i]));
      const key = [...(i > start ? this.partMark : []), ...bytes.subarray(i, next), ...(next === end ? this.endOfWord : [])];
      symbols[count] = this.merges.find(Uint8Array.from(key), 0, key.length);
      starts[count++] = i;
      i = next;
    }
    starts[count] = end;
    return count;
  }

  private addUnknown(end: number): void {
    const { unknown, fusesUnknown } = this.options;
    if (unknown === undefined) return;
    const last = this.pieceCount - 1;
    if (fusesUnknown && last >= 0 && this.pieceIds[last] === unknown) this.pieceEnds[last] = end;
    else this.addPiece(unknown, end);
  }
}
