import type { Splitter } from '../split/splitter.js';
import { CODE_POINT_OF_BYTE } from '../text/byte-alphabet.js';
import { sequenceLength, utf8Bytes } from '../text/utf8.js';
import { CONTROL, type Vocabulary } from '../vocabulary/vocabulary.js';
import type { MergeList } from './merge-list.js';
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
  /** Stands for a character that is no symbol, where the vocabulary has no tokens for its bytes. */
  readonly unknown?: number;
  /** Unknown characters in a row are one token. */
  readonly fusesUnknown?: boolean;
  /** What entries write behind the last character of a word, and before each character but the first. */
  readonly endOfWord?: string;
  readonly partMark?: string;
}

/** Byte-pair encoding: the cheapest merge of two neighbours first, until none is left. */
export class BpeModel extends WordModel implements MergeRules {
  readonly maxTokensPerByte = 3;
  private readonly merger: Merger;
  /** The symbol that each byte is at first, or -1: `(256)`. */
  private readonly symbolOfByte = new Int32Array(256);
  /** The tokens that stand for each byte where its symbol is no entry, or -1: `(256)`. */
  private readonly fallbackOfByte = new Int32Array(256).fill(-1);

  constructor(
    vocabulary: Vocabulary,
    splitter: Splitter,
    private readonly merges: MergeList,
    private readonly options: BpeOptions,
  ) {
    super(vocabulary, splitter, (id) => options.ignoreMerges || (options.wholeLineEnds && isLineEnds(vocabulary, id)));
    this.merger = new Merger(this);
    for (let byte = 0; byte < 256; byte++) {
      this.symbolOfByte[byte] = merges.find(Uint8Array.of(byte), 0, 1);
      this.fallbackOfByte[byte] = this.findFallback(byte);
    }
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
      const symbol = symbols[i];
      if (symbol >= 0 && symbol < vocabulary.size && !vocabulary.has(symbol, CONTROL)) this.addPiece(symbol, starts[i + 1]);
      else this.addBytes(bytes, starts[i], starts[i + 1]);
    }
  }

  /** Sets the symbols of a word before any merge, and returns how many there are. */
  private startWord(bytes: Uint8Array, start: number, end: number): number {
    const { byteLevel, endOfWord, partMark } = this.options;
    if (endOfWord || partMark) return this.startWithMarks(bytes, start, end);
    return byteLevel ? this.startWithBytes(bytes, start, end) : this.startWithCharacters(bytes, start, end);
  }

  private startWithBytes(bytes: Uint8Array, start: number, end: number): number {
    const { symbols, starts } = this.merger;
    const { symbolOfByte } = this;
    for (let i = start; i < end; i++) {
      symbols[i - start] = symbolOfByte[bytes[i]];
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
      symbols[count] = bytes[i] < 0x80 ? this.symbolOfByte[bytes[i]] : this.merges.find(bytes, i, next);
      starts[count++] = i;
      i = next;
    }
    starts[count] = end;
    return count;
  }

  private startWithMarks(bytes: Uint8Array, start: number, end: number): number {
    const { symbols, starts } = this.merger;
    const { byteLevel, endOfWord = '', partMark = '' } = this.options;
    let count = 0;
    for (let i = start; i < end; ) {
      const next = byteLevel ? i + 1 : Math.min(end, i + sequenceLength(bytes[i]));
      const before = utf8Bytes(i > start ? partMark : '');
      const after = utf8Bytes(next === end ? endOfWord : '');
      const key = Uint8Array.from([...before, ...bytes.subarray(i, next), ...after]);
      symbols[count] = this.merges.find(key, 0, key.length);
      starts[count++] = i;
      i = next;
    }
    starts[count] = end;
    return count;
  }

  /**
   * A symbol that is no entry becomes the tokens of its bytes. Where there are none it becomes the unknown token, if the vocabulary has one,
   * or is left out, as the reference does.
   */
  private addBytes(bytes: Uint8Array, start: number, end: number): void {
    const { unknown, fusesUnknown } = this.options;
    if (unknown !== undefined && !this.hasFallback(bytes, start, end)) {
      const last = this.pieceCount - 1;
      if (fusesUnknown && last >= 0 && this.pieceIds[last] === unknown) this.pieceEnds[last] = end;
      else this.addPiece(unknown, end);
      return;
    }
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

  private hasFallback(bytes: Uint8Array, start: number, end: number): boolean {
    for (let i = start; i < end; i++) if (this.fallbackOfByte[bytes[i]] < 0) return false;
    return true;
  }

  private findFallback(byte: number): number {
    if (this.options.byteFallback) return this.vocabulary.idOf(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`) ?? -1;
    return this.options.byteLevel && CODE_POINT_OF_BYTE[byte] < 0x80 ? this.vocabulary.find(Uint8Array.of(byte), 0, 1) : -1;
  }
}

function isLineEnds(vocabulary: Vocabulary, id: number): boolean {
  const { bytes, offsets } = vocabulary;
  for (let i = offsets[id]; i < offsets[id + 1]; i++) if (bytes[i] !== 0x0a) return false;
  return true;
}
