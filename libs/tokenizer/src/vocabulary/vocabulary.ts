import type { PackedStrings } from '@starling/core';
import { utf8Bytes } from '../text/utf8.js';
import { ByteTable } from './byte-table.js';

/** What kind of token an id is: one bit each, some may be joined. */
export const UNKNOWN = 1;
export const UNUSED = 2;
export const NORMAL = 4;
export const CONTROL = 8;
export const USER_DEFINED = 16;
export const BYTE = 32;
export const STRIP_LEFT = 64;
export const STRIP_RIGHT = 128;

/** Writes the form of an entry that text is matched with: `source[start, end)` to `target` at `at`; returns its end, or -1 if text never matches it. */
export type Canonicalize = (source: Uint8Array, start: number, end: number, target: Uint8Array, at: number) => number;

/**
 * The entries of a vocabulary: their texts as the file has them, their attributes and scores, and their canonical bytes, which are what
 * text is matched with (the bytes that a byte-level entry stands for, a space where SentencePiece writes U+2581, ...).
 */
export class Vocabulary {
  readonly size: number;
  /** The canonical bytes of all entries; entry i is `bytes[offsets[i], offsets[i + 1])`, empty if it has none. */
  readonly bytes: Uint8Array;
  readonly offsets: Uint32Array;
  readonly table: ByteTable;
  /** Entries without a canonical form, and those that text is not matched with, by text. */
  private readonly others = new Map<string, number>();

  /** @param isMatched whether text is matched with an entry; others are known by their names alone */
  constructor(
    readonly texts: PackedStrings,
    /** `(size)` of the bits above. */
    readonly attributes: Uint8Array,
    /** `(size)`, or empty if the vocabulary has none. */
    readonly scores: Float32Array | Float64Array,
    private readonly canonicalize: Canonicalize,
    readonly isMatched: (id: number) => boolean = () => true,
  ) {
    this.size = texts.length;
    this.bytes = new Uint8Array(texts.bytes.length);
    this.offsets = new Uint32Array(this.size + 1);
    this.table = new ByteTable(this.bytes, this.offsets);
    let at = 0;
    for (let id = 0; id < this.size; id++) {
      const end = canonicalize(texts.bytes, texts.offsets[id], texts.offsets[id + 1], this.bytes, at);
      this.offsets[id + 1] = end < 0 ? at : end;
      if (end > at && isMatched(id)) this.table.add(id);
      else this.others.set(texts.at(id), id);
      at = this.offsets[id + 1];
    }
  }

  /** The id of canonical bytes, or -1. */
  find(bytes: Uint8Array, start: number, end: number): number {
    return this.table.find(bytes, start, end);
  }

  /** The id of an entry by its text. */
  idOf(text: string): number | undefined {
    if (this.others.size > 0) {
      const id = this.others.get(text);
      if (id !== undefined) return id;
    }
    const source = utf8Bytes(text);
    const canonical = new Uint8Array(source.length);
    const end = this.canonicalize(source, 0, source.length, canonical, 0);
    if (end <= 0) return undefined;
    const id = this.table.find(canonical, 0, end);
    return id < 0 ? undefined : id;
  }

  /** As `idOf`, for entries that text is matched with. */
  entryOf(text: string): number | undefined {
    const id = this.idOf(text);
    return id !== undefined && this.isMatched(id) ? id : undefined;
  }

  /** The entry `<0xNN>` of a byte, which text may fall back to. */
  byteToken(byte: number): number | undefined {
    return this.entryOf(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
  }

  /** The ids that have any of `bits`. */
  idsOf(bits: number): number[] {
    const ids: number[] = [];
    for (let id = 0; id < this.size; id++) if (this.has(id, bits)) ids.push(id);
    return ids;
  }

  has(id: number, bits: number): boolean {
    return (this.attributes[id] & bits) !== 0;
  }
}
