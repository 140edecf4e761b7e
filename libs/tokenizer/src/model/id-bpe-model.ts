import { CODE_POINT_OF_BYTE } from '../text/byte-alphabet.js';
import { sequenceLength, utf8Bytes } from '../text/utf8.js';
import type { Splitter } from '../split/splitter.js';
import type { Vocabulary } from '../vocabulary/vocabulary.js';
import type { MergeList } from './merge-list.js';
import { Merger, type MergeRules } from './merger.js';
import { WordModel } from './word-model.js';

/** How a byte-pair vocabulary is read. */
export interface IdBpeOptions {
  /** Symbols begin as bytes, and entries are known by the bytes they stand for; else as characters. */
  readonly byteLevel: boolean;
  /** Written behind the last character of a word (`</w>`), or nothing. */
  readonly endOfWord: string;
  /** Written before each character of a word but the first (`##`), or nothing. */
  readonly partMark: string;
  /** A character that is no entry becomes `<0xNN>` entries, one for each byte, if there are all of them. */
  readonly byteFallback: boolean;
  /** A word that is an entry is that token, without looking at the merges. */
  readonly ignoreMerges: boolean;
  /** Stands for what is no entry; without one, that is left out. */
  readonly unknown: number | undefined;
  /** Unknown characters in a row are one token. */
  readonly fusesUnknown: boolean;
}

/**
 * Byte-pair encoding as the `tokenizers` library has it: symbols are ids, the unknown token and those of single bytes among them, and a merge
 * joins two ids to a third. Entries may say whether they end a word or go on with it.
 */
export class IdBpeModel extends WordModel implements MergeRules {
  readonly maxTokensPerByte: number;
  private readonly merger = new Merger(this);
  private readonly partMark: Uint8Array;
  private readonly endOfWord: Uint8Array;
  private readonly isPlain: boolean;
  /** The entry of each byte or ASCII character as a symbol of its own, or -1: `(256)`. */
  private readonly idOfByte = new Int32Array(256);
  /** The entry `<0xNN>` of each byte, or -1: `(256)`. */
  private readonly fallbackOfByte = new Int32Array(256).fill(-1);
  /** The word that is being read: how many symbols it has, where the next one starts, and how many bytes of unknown text wait before it. */
  private symbolCount = 0;
  private position = 0;
  private unknownBytes = 0;

  constructor(
    vocabulary: Vocabulary,
    splitter: Splitter,
    private readonly merges: MergeList,
    private readonly options: IdBpeOptions,
  ) {
    super(vocabulary, splitter, () => options.ignoreMerges);
    this.partMark = utf8Bytes(options.partMark);
    this.endOfWord = utf8Bytes(options.endOfWord);
    this.isPlain = this.partMark.length + this.endOfWord.length === 0;
    // A byte may be written as a character of two, with marks on both sides, and each byte of all that fall back.
    this.maxTokensPerByte = options.byteFallback ? 2 + this.partMark.length + this.endOfWord.length : 1;
    for (let byte = 0; byte < 256; byte++) {
      this.idOfByte[byte] = vocabulary.find(Uint8Array.of(byte), 0, 1);
      if (options.byteFallback) this.fallbackOfByte[byte] = vocabulary.byteToken(byte) ?? -1;
    }
  }

  pair(left: number, right: number): number {
    return this.merges.pairs.find(left, right);
  }

  cost(rank: number): number {
    return rank;
  }

  symbol(rank: number): number {
    return this.merges.results[rank];
  }

  protected merge(bytes: Uint8Array, start: number, end: number): void {
    const { merger } = this;
    merger.reserve((end - start) * this.maxTokensPerByte);
    this.startWord(bytes, start, end);
    const count = merger.run(bytes, this.symbolCount);
    const { symbols, starts } = merger;
    for (let i = 0; i < count; i++) {
      if (this.isHiddenHere(symbols[i], bytes, starts[i], starts[i + 1]))
        this.takeApart(symbols[i], bytes, start, starts[i], starts[i + 1]);
      else this.addPiece(symbols[i], starts[i + 1]);
    }
  }

  /** Sets the symbols of a word before any merge. */
  private startWord(bytes: Uint8Array, start: number, end: number): void {
    const { unknown, fusesUnknown, byteLevel } = this.options;
    this.symbolCount = 0;
    this.position = start;
    this.unknownBytes = 0;
    for (let i = start, next = start; i < end; i = next) {
      next = byteLevel ? i + 1 : i + sequenceLength(bytes[i]);
      const id = this.entryAt(bytes, i, next, i === start, next === end);
      if (id >= 0) {
        this.addUnknownSymbol();
        this.addSymbol(id, next - i);
      } else if (this.addFallback(bytes, i, next, i === start, next === end)) {
        // Unknown text that waits is written behind the bytes, as the library does it.
      } else if (unknown !== undefined) {
        if (!fusesUnknown) this.addUnknownSymbol();
        this.unknownBytes += next - i;
      } else this.position = next;
    }
    this.addUnknownSymbol();
    this.merger.starts[this.symbolCount] = end;
  }

  /** The entry of a character by itself, with the marks of its place, or -1. */
  private entryAt(bytes: Uint8Array, start: number, end: number, isFirst: boolean, isLast: boolean): number {
    if (this.isPlain) return end - start === 1 ? this.idOfByte[bytes[start]] : this.vocabulary.find(bytes, start, end);
    const key = this.withMarks(bytes.subarray(start, end), isFirst, isLast);
    return this.vocabulary.find(key, 0, key.length);
  }

  private withMarks(character: Uint8Array, isFirst: boolean, isLast: boolean): Uint8Array {
    return Uint8Array.from([...(isFirst ? [] : this.partMark), ...character, ...(isLast ? this.endOfWord : [])]);
  }

  private addSymbol(id: number, length: number): void {
    const { merger } = this;
    merger.symbols[this.symbolCount] = id;
    merger.starts[this.symbolCount++] = this.position;
    this.position += length;
  }

  private addUnknownSymbol(): void {
    const { unknown } = this.options;
    if (unknown !== undefined && this.unknownBytes > 0) this.addSymbol(unknown, this.unknownBytes);
    this.unknownBytes = 0;
  }

  /** Adds the tokens of the bytes that a character is written with; false if there are not all of them. */
  private addFallback(bytes: Uint8Array, start: number, end: number, isFirst: boolean, isLast: boolean): boolean {
    if (!this.options.byteFallback) return false;
    const written = this.writtenBytes(bytes, start, end, isFirst, isLast);
    if (!this.canFallBack(written)) return false;
    written.forEach((byte, i) => this.addSymbol(this.fallbackOfByte[byte], i < end - start ? 1 : 0));
    return true;
  }

  private canFallBack(written: Uint8Array): boolean {
    return written.every((byte) => this.fallbackOfByte[byte] >= 0 && !this.isHidden(this.fallbackOfByte[byte]));
  }

  private writtenBytes(bytes: Uint8Array, start: number, end: number, isFirst: boolean, isLast: boolean): Uint8Array {
    const character = this.options.byteLevel
      ? utf8Bytes(String.fromCharCode(CODE_POINT_OF_BYTE[bytes[start]]))
      : bytes.subarray(start, end);
    return this.withMarks(character, isFirst, isLast);
  }

  /** As `isHidden`, but for an unknown token where it stands for unknown text. */
  private isHiddenHere(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    const standsForText = id === this.options.unknown && this.vocabulary.find(bytes, start, end) !== id;
    return !standsForText && this.isHidden(id);
  }

  /** Writes the symbols that were merged to a control token, down to those that are ordinary. */
  private takeApart(id: number, bytes: Uint8Array, wordStart: number, start: number, end: number): void {
    const open = [{ id, end }];
    let from = start;
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const parts = this.merges.partsOfControl.get(next.id);
      const middle =
        parts === undefined ? from : from + parts.leftBytes - (from > wordStart ? this.partMark.length : 0);
      if (!this.isHiddenHere(next.id, bytes, from, next.end)) this.addPiece(next.id, next.end);
      else if (parts !== undefined && middle > from && middle < next.end) {
        open.push({ id: parts.right, end: next.end }, { id: parts.left, end: middle });
        continue;
      } else this.addUnknown(bytes, from, next.end, from === wordStart);
      from = next.end;
    }
  }

  /** Writes a character that is an entry, but a control token, as one that is none. */
  private addUnknown(bytes: Uint8Array, start: number, end: number, isFirst: boolean): void {
    const { unknown, fusesUnknown, byteFallback } = this.options;
    const written = this.writtenBytes(bytes, start, end, isFirst, false);
    const last = this.pieceCount - 1;
    if (byteFallback && this.canFallBack(written)) {
      written.forEach((byte, i) => this.addPiece(this.fallbackOfByte[byte], Math.min(end, start + i + 1)));
    } else if (last >= 0 && (unknown === undefined || (fusesUnknown && this.pieceIds[last] === unknown)))
      this.pieceEnds[last] = end;
    else if (unknown !== undefined) this.addPiece(unknown, end);
  }
}
