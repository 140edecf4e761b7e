import type { Splitter } from '../split/splitter.js';
import { hashBytes } from '../vocabulary/byte-table.js';
import { CONTROL, type Vocabulary } from '../vocabulary/vocabulary.js';
import { MAX_SHORT_WORD_BYTES, PART_MASKS, ShortWordCache } from './short-word-cache.js';
import type { TokenSink } from './token-sink.js';
import { MAX_CACHED_WORD_BYTES, WordCache } from './word-cache.js';

/** Whether a vocabulary entry, met as a whole word, is one token. */
const UNTRIED = 0;
const WHOLE = 1;
const NOT_WHOLE = 2;
/** A control token: one token only where text may name those. */
const HIDDEN = 3;

/**
 * Encodes word by word. A short word that came up lately is found by its bytes, read as four numbers. Else most words are an entry of the
 * vocabulary; the others are merged from their parts once and then kept in a bounded cache. Subclasses say how a word is merged.
 */
export abstract class WordModel {
  /** Most ids that one byte of text can become. */
  abstract readonly maxTokensPerByte: number;
  /** `(size)`: what is known of each entry as a whole word. */
  private readonly wholeness: Uint8Array;
  private readonly cache = new WordCache();
  private readonly shortWords = new ShortWordCache();
  /** The bytes that `view` looks at, and the last place in them where a short word can be read as a whole. */
  private viewedBytes: Uint8Array = new Uint8Array(0);
  private view: DataView = new DataView(new ArrayBuffer(0));
  private lastShortStart = -1;
  /** The tokens of the word that `merge` took apart, and the position in the text where each ends. */
  protected pieceIds = new Int32Array(256);
  protected pieceEnds = new Int32Array(256);
  protected pieceCount = 0;
  /** Whether text may not become control tokens, and whether that mattered to the word at hand: then its tokens are not kept. */
  private hidesControl = true;
  private metControl = false;

  /** @param isWhole whether a word that is this entry is one token, whatever merging would make of it */
  constructor(
    protected readonly vocabulary: Vocabulary,
    protected readonly splitter: Splitter,
    isWhole: (id: number) => boolean,
  ) {
    this.wholeness = new Uint8Array(vocabulary.size);
    for (let id = 0; id < vocabulary.size; id++) {
      if (isWhole(id)) this.wholeness[id] = vocabulary.has(id, CONTROL) ? HIDDEN : WHOLE;
    }
  }

  encode(bytes: Uint8Array, start: number, end: number, _first: boolean, sink: TokenSink): void {
    const { splitter } = this;
    splitter.begin?.(bytes, start, end);
    for (let from = start; from < end; ) {
      const to = splitter.next(bytes, from, end);
      sink.reserve((to - from) * this.maxTokensPerByte);
      this.encodeWord(bytes, from, to, sink);
      from = to;
    }
  }

  /** Writes the tokens of one word, for which there must be room. */
  encodeWord(bytes: Uint8Array, start: number, end: number, sink: TokenSink): void {
    const length = end - start;
    if (bytes !== this.viewedBytes) this.viewBytes(bytes);
    if (length > MAX_SHORT_WORD_BYTES || start > this.lastShortStart || bytes[end - 1] === 0) {
      this.encodeAnyWord(bytes, start, end, sink);
      return;
    }
    const { view } = this;
    const masks = length * 4;
    const a = view.getInt32(start, true) & PART_MASKS[masks];
    const b = view.getInt32(start + 4, true) & PART_MASKS[masks + 1];
    const c = view.getInt32(start + 8, true) & PART_MASKS[masks + 2];
    const d = view.getInt32(start + 12, true) & PART_MASKS[masks + 3];
    const found = this.shortWords.find(a, b, c, d);
    if (found > 0) sink.push(found - 1, start, end);
    else if (found < 0) this.pushResult(~found, start, sink);
    else {
      const value = this.encodeAnyWord(bytes, start, end, sink);
      this.shortWords.set(a, b, c, d, value);
    }
  }

  /** As `encodeWord`, for words of any length; returns what the short-word cache may keep. */
  private encodeAnyWord(bytes: Uint8Array, start: number, end: number, sink: TokenSink): number {
    const hash = hashBytes(bytes, start, end);
    const id = this.vocabulary.table.findHashed(hash, bytes, start, end);
    const whole = id < 0 ? NOT_WHOLE : this.wholeness[id];
    if (whole === WHOLE || (whole === HIDDEN && sink.parsesSpecial)) {
      sink.push(id, start, end);
      return whole === WHOLE ? id + 1 : 0;
    }
    const cached = end - start <= MAX_CACHED_WORD_BYTES ? this.cache.find(hash, bytes, start, end) : 0;
    if (cached === 0) return this.encodeNewWord(hash, bytes, start, end, id, sink);
    this.pushResult(cached, start, sink);
    return ~cached;
  }

  /** Merges a word, and keeps the result. */
  private encodeNewWord(
    hash: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    id: number,
    sink: TokenSink,
  ): number {
    this.pieceCount = 0;
    this.hidesControl = !sink.parsesSpecial;
    this.metControl = false;
    this.merge(bytes, start, end);
    const { pieceIds, pieceEnds, pieceCount } = this;
    for (let i = 0, from = start; i < pieceCount; i++) {
      sink.push(pieceIds[i], from, pieceEnds[i]);
      from = pieceEnds[i];
    }
    if (this.metControl || (id >= 0 && this.wholeness[id] === HIDDEN)) return 0;
    const isOneToken = pieceCount === 1 && pieceEnds[0] === end;
    if (id >= 0 && this.wholeness[id] === UNTRIED)
      this.wholeness[id] = isOneToken && pieceIds[0] === id ? WHOLE : NOT_WHOLE;
    if (isOneToken && pieceIds[0] === id) return id + 1;
    if (end - start > MAX_CACHED_WORD_BYTES) return 0;
    if (this.cache.isFull(end - start, pieceCount)) {
      this.cache.clear();
      this.shortWords.clear();
    }
    return ~this.cache.add(hash, bytes, start, end, pieceIds, pieceEnds, pieceCount);
  }

  /** Writes a result of the word cache for the word at `start`. */
  private pushResult(result: number, start: number, sink: TokenSink): void {
    const { results } = this.cache;
    let from = start;
    for (let at = result + 1, last = at + results[result] * 2; at < last; at += 2) {
      const to = start + results[at + 1];
      sink.push(results[at], from, to);
      from = to;
    }
  }

  private viewBytes(bytes: Uint8Array): void {
    this.viewedBytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.lastShortStart = bytes.length - MAX_SHORT_WORD_BYTES;
  }

  /** Whether text may not become a token: a control token, unless text may name those. */
  protected isHidden(id: number): boolean {
    if (!this.vocabulary.has(id, CONTROL)) return false;
    this.metControl = true;
    return this.hidesControl;
  }

  /** Takes a word apart: calls `addPiece` for each of its tokens. */
  protected abstract merge(bytes: Uint8Array, start: number, end: number): void;

  protected addPiece(id: number, end: number): void {
    if (this.pieceCount === this.pieceIds.length) this.growPieces();
    this.pieceIds[this.pieceCount] = id;
    this.pieceEnds[this.pieceCount++] = end;
  }

  private growPieces(): void {
    const ids = new Int32Array(this.pieceIds.length * 2);
    const ends = new Int32Array(ids.length);
    ids.set(this.pieceIds);
    ends.set(this.pieceEnds);
    this.pieceIds = ids;
    this.pieceEnds = ends;
  }
}
