import type { Splitter } from '../split/splitter.js';
import { CODE_POINT_OF_BYTE } from '../text/byte-alphabet.js';
import { sequenceLength } from '../text/utf8.js';
import { hashBytes } from '../vocabulary/byte-table.js';
import type { Vocabulary } from '../vocabulary/vocabulary.js';
import type { MergeTable } from './merge-table.js';
import { Merger, type MergeRules } from './merger.js';
import { WordModel } from './word-model.js';

const SPACE = 0x20;
/** U+2581, byte for byte. */
const SPACE_MARK = [0xe2, 0x96, 0x81];

/** How a byte-pair vocabulary is read. */
export interface BpeOptions {
  /** Symbols begin as bytes (GPT-2 and its heirs); else as characters. */
  readonly byteLevel: boolean;
  /** What is unknown becomes `<0xNN>` entries, one for each byte. */
  readonly byteFallback: boolean;
  /** A word that is an entry is that token, without looking at the merges. */
  readonly ignoreMerges: boolean;
  /** Spaces stand for U+2581, also where a symbol falls back to its bytes. */
  readonly spaceMarks: boolean;
  /** As `ignoreMerges`, for words of line feeds alone. */
  readonly wholeLineEnds: boolean;
}

/**
 * Byte-pair encoding: the cheapest merge of two neighbours first, until none is left. A symbol is known by its bytes, as merges may make what
 * is no entry; the number that the merger keeps of it is their hash.
 */
export class BpeModel extends WordModel implements MergeRules {
  readonly maxTokensPerByte: number;
  private readonly merger = new Merger(this);
  private readonly hashOfByte = new Int32Array(256);
  /** The tokens that stand for each byte where its symbol is no entry, or -1: `(256)`. */
  private readonly fallbackOfByte = new Int32Array(256);

  constructor(
    vocabulary: Vocabulary,
    splitter: Splitter,
    private readonly merges: MergeTable,
    private readonly options: BpeOptions,
  ) {
    super(vocabulary, splitter, (id) => options.ignoreMerges || (options.wholeLineEnds && isLineEnds(vocabulary, id)));
    this.maxTokensPerByte = options.spaceMarks ? SPACE_MARK.length : 1;
    for (let byte = 0; byte < 256; byte++) {
      this.hashOfByte[byte] = hashBytes(Uint8Array.of(byte), 0, 1);
      this.fallbackOfByte[byte] = this.findFallback(byte);
    }
  }

  pair(left: number, right: number, bytes: Uint8Array, start: number, middle: number, end: number): number {
    return this.merges.find(left, right, bytes, start, middle, end);
  }

  cost(rank: number): number {
    return rank;
  }

  symbol(_rank: number, bytes: Uint8Array, start: number, end: number): number {
    return hashBytes(bytes, start, end);
  }

  protected merge(bytes: Uint8Array, start: number, end: number): void {
    const { merger, vocabulary } = this;
    merger.reserve(end - start);
    const count = merger.run(
      bytes,
      this.options.byteLevel ? this.startWithBytes(bytes, start, end) : this.startWithCharacters(bytes, start, end),
    );
    const { symbols, starts } = merger;
    for (let i = 0; i < count; i++) {
      const id = vocabulary.table.findHashed(symbols[i], bytes, starts[i], starts[i + 1]);
      if (id >= 0 && !this.isHidden(id)) this.addPiece(id, starts[i + 1]);
      else this.takeApart(bytes, starts[i], starts[i + 1]);
    }
  }

  /** Writes a symbol that is no token, or a control token, as the parts it was merged from, down to those that are; at last as bytes. */
  private takeApart(bytes: Uint8Array, start: number, end: number): void {
    const { vocabulary } = this;
    const ends = [end];
    let from = start;
    for (let to = ends.pop(); to !== undefined; to = ends.pop()) {
      const id = vocabulary.find(bytes, from, to);
      const isHidden = id >= 0 && this.isHidden(id);
      const middle = isHidden ? this.merges.middleOf(bytes, from, to) : from;
      if (id >= 0 && !isHidden) this.addPiece(id, to);
      else if (middle > from) {
        ends.push(to, middle);
        continue;
      } else this.addBytes(bytes, from, to);
      from = to;
    }
  }

  private startWithBytes(bytes: Uint8Array, start: number, end: number): number {
    const { symbols, starts } = this.merger;
    const { hashOfByte } = this;
    for (let i = start; i < end; i++) {
      symbols[i - start] = hashOfByte[bytes[i]];
      starts[i - start] = i;
    }
    starts[end - start] = end;
    return end - start;
  }

  private startWithCharacters(bytes: Uint8Array, start: number, end: number): number {
    const { symbols, starts } = this.merger;
    let count = 0;
    for (let i = start; i < end; ) {
      const next = Math.min(end, i + sequenceLength(bytes[i]));
      symbols[count] = hashBytes(bytes, i, next);
      starts[count++] = i;
      i = next;
    }
    starts[count] = end;
    return count;
  }

  /** A symbol that is no entry becomes the tokens of its bytes; a byte without one is left out, as the reference does it. */
  private addBytes(bytes: Uint8Array, start: number, end: number): void {
    for (let i = start; i < end; i++) {
      if (bytes[i] === SPACE && this.options.spaceMarks) for (const byte of SPACE_MARK) this.addByte(byte, i + 1);
      else this.addByte(bytes[i], i + 1);
    }
  }

  private addByte(byte: number, end: number): void {
    const id = this.fallbackOfByte[byte];
    if (id >= 0) this.addPiece(id, end);
    else if (this.pieceCount > 0) this.pieceEnds[this.pieceCount - 1] = end;
  }

  private findFallback(byte: number): number {
    if (this.options.byteFallback)
      return this.vocabulary.idOf(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`) ?? -1;
    return this.options.byteLevel && CODE_POINT_OF_BYTE[byte] < 0x80
      ? this.vocabulary.find(Uint8Array.of(byte), 0, 1)
      : -1;
  }
}

function isLineEnds(vocabulary: Vocabulary, id: number): boolean {
  const { bytes, offsets } = vocabulary;
  for (let i = offsets[id]; i < offsets[id + 1]; i++) if (bytes[i] !== 0x0a) return false;
  return true;
}
