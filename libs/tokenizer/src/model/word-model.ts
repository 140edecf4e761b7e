import type { Splitter } from '../split/splitter.js';
import { hashBytes } from '../vocabulary/byte-table.js';
import { CONTROL, type Vocabulary } from '../vocabulary/vocabulary.js';
import type { TokenSink } from './token-sink.js';
import { MAX_CACHED_WORD_BYTES, WordCache } from './word-cache.js';

/** Whether a vocabulary entry, met as a whole word, is one token. */
const UNTRIED = 0;
const WHOLE = 1;
const NOT_WHOLE = 2;

/**
 * Encodes word by word: most words are an entry of the vocabulary, which is found by one look into its table; the others are merged
 * from their parts once and then kept in a cache. Subclasses say how a word is merged.
 */
export abstract class WordModel {
  abstract readonly maxTokensPerByte: number;
  /** `(size)`: what is known of each entry as a whole word. */
  private readonly wholeness: Uint8Array;
  private readonly cache = new WordCache();
  /** The tokens of the word that `merge` took apart, and the position in the text where each ends. */
  protected pieceIds = new Int32Array(256);
  protected pieceEnds = new Int32Array(256);
  protected pieceCount = 0;

  /** @param isWhole whether a word that is this entry is one token, whatever merging would make of it */
  constructor(
    protected readonly vocabulary: Vocabulary,
    protected readonly splitter: Splitter,
    isWhole: (id: number) => boolean,
  ) {
    this.wholeness = new Uint8Array(vocabulary.size);
    for (let id = 0; id < vocabulary.size; id++) {
      if (vocabulary.has(id, CONTROL)) this.wholeness[id] = NOT_WHOLE;
      else if (isWhole(id)) this.wholeness[id] = WHOLE;
    }
  }

  encode(bytes: Uint8Array, start: number, end: number, _first: boolean, sink: TokenSink): void {
    const { splitter } = this;
    splitter.begin?.(bytes, start, end);
    for (let from = start; from < end; ) {
      const to = splitter.next(bytes, from, end);
      this.encodeWord(bytes, from, to, sink);
      from = to;
    }
  }

  protected encodeWord(bytes: Uint8Array, start: number, end: number, sink: TokenSink): void {
    const hash = hashBytes(bytes, start, end);
    const id = this.vocabulary.table.findHashed(hash, bytes, start, end);
    if (id >= 0 && this.wholeness[id] === WHOLE) sink.push(id, start, end);
    else this.encodeParts(hash, bytes, start, end, id, sink);
  }

  private encodeParts(hash: number, bytes: Uint8Array, start: number, end: number, id: number, sink: TokenSink): void {
    const { cache } = this;
    const short = end - start <= MAX_CACHED_WORD_BYTES;
    const found = short ? cache.find(hash, bytes, start, end) : 0;
    if (found > 0) {
      const { results } = cache;
      let from = start;
      for (let at = found + 1, last = at + results[found] * 2; at < last; at += 2) {
        const to = start + results[at + 1];
        sink.push(results[at], from, to);
        from = to;
      }
      return;
    }
    this.pieceCount = 0;
    this.merge(bytes, start, end);
    const { pieceIds, pieceEnds, pieceCount } = this;
    if (id >= 0 && this.wholeness[id] === UNTRIED) this.wholeness[id] = pieceCount === 1 && pieceIds[0] === id ? WHOLE : NOT_WHOLE;
    if (short && !(pieceCount === 1 && pieceIds[0] === id)) cache.add(hash, bytes, start, end, pieceIds, pieceEnds, pieceCount);
    for (let i = 0, from = start; i < pieceCount; i++) {
      sink.push(pieceIds[i], from, pieceEnds[i]);
      from = pieceEnds[i];
    }
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
