import { SpaceRunSplitter, WholeTextSplitter } from '../split/space-splitter.js';
import { sequenceLength } from '../text/utf8.js';
import type { Vocabulary } from '../vocabulary/vocabulary.js';
import { Merger, type MergeRules } from './merger.js';
import type { TokenSink } from './token-sink.js';
import { WordModel } from './word-model.js';

const SPACE = 0x20;
/** What a space without an entry of its own is written as, byte for byte: U+2581. */
const SPACE_MARK = [0xe2, 0x96, 0x81];

/** SentencePiece's byte-pair model: neighbours that form an entry are merged, the best score first. Spaces stand for U+2581. */
export class SpmModel extends WordModel implements MergeRules {
  readonly maxTokensPerByte = 3;
  private readonly merger: Merger;
  /** Ascending with falling score: the bits of the negated score, made comparable as integers. `(size)` */
  private readonly costs: Int32Array;
  private readonly idOfByte = new Int32Array(256);

  /**
   * @param spaceBefore puts a space before a text and after each special token
   * @param unknown stands for a byte that has no token
   */
  constructor(
    vocabulary: Vocabulary,
    private readonly spaceBefore: boolean,
    private readonly unknown: number | undefined,
  ) {
    super(vocabulary, hasSpacesInside(vocabulary) ? new WholeTextSplitter() : new SpaceRunSplitter(), () => false);
    this.merger = new Merger(this);
    this.costs = ascendingCosts(vocabulary.scores, vocabulary.size);
    for (let byte = 0; byte < 256; byte++) {
      this.idOfByte[byte] =
        vocabulary.idOf(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`) ??
        vocabulary.find(Uint8Array.of(byte), 0, 1);
    }
  }

  /** `bytes[start - 1]` is borrowed for the space in front, and given back. */
  override encode(bytes: Uint8Array, start: number, end: number, first: boolean, sink: TokenSink): void {
    if (!first || !this.spaceBefore) {
      super.encode(bytes, start, end, first, sink);
      return;
    }
    const borrowed = bytes[start - 1];
    const before = sink.count;
    bytes[start - 1] = SPACE;
    super.encode(bytes, start - 1, end, first, sink);
    bytes[start - 1] = borrowed;
    sink.clampStarts(before, start);
  }

  pair(_left: number, _right: number, bytes: Uint8Array, start: number, _middle: number, end: number): number {
    return this.findOrdinary(bytes, start, end);
  }

  cost(id: number): number {
    return this.costs[id];
  }

  symbol(id: number): number {
    return id;
  }

  protected merge(bytes: Uint8Array, start: number, end: number): void {
    const { merger } = this;
    merger.reserve(end - start);
    const { symbols, starts } = merger;
    let length = 0;
    for (let i = start; i < end; ) {
      const next = Math.min(end, i + sequenceLength(bytes[i]));
      symbols[length] = this.findOrdinary(bytes, i, next);
      starts[length++] = i;
      i = next;
    }
    starts[length] = end;
    const count = merger.run(bytes, length);
    for (let i = 0; i < count; i++) {
      if (symbols[i] >= 0) this.addPiece(symbols[i], starts[i + 1]);
      else this.addBytes(bytes, starts[i], starts[i + 1]);
    }
  }

  /** The entry of a symbol, or -1: control tokens are no symbols where text may not name them, so that nothing merges to one or beyond it. */
  private findOrdinary(bytes: Uint8Array, start: number, end: number): number {
    const id = this.vocabulary.find(bytes, start, end);
    return id >= 0 && this.isHidden(id) ? -1 : id;
  }

  private addBytes(bytes: Uint8Array, start: number, end: number): void {
    for (let i = start; i < end; i++) {
      if (bytes[i] === SPACE) for (const byte of SPACE_MARK) this.addByte(byte, i + 1);
      else this.addByte(bytes[i], i + 1);
    }
  }

  private addByte(byte: number, end: number): void {
    const id = this.idOfByte[byte];
    if (id >= 0) this.addPiece(id, end);
    else if (this.unknown !== undefined) this.addPiece(this.unknown, end);
  }
}

/** Whether some entry has a space after another character: then words cannot be merged on their own. */
function hasSpacesInside(vocabulary: Vocabulary): boolean {
  const { bytes, offsets, size } = vocabulary;
  for (let id = 0; id < size; id++) {
    for (let i = offsets[id] + 1; i < offsets[id + 1]; i++) {
      if (bytes[i] === SPACE && bytes[i - 1] !== SPACE) return true;
    }
  }
  return false;
}

/** Integers in the order of falling scores; equal scores give equal integers. */
function ascendingCosts(scores: ArrayLike<number>, size: number): Int32Array {
  const values = new Float32Array(size);
  for (let i = 0; i < scores.length && i < size; i++) values[i] = 0 - scores[i];
  const costs = new Int32Array(values.buffer);
  for (let i = 0; i < size; i++) {
    if (costs[i] < 0) costs[i] ^= 0x7fffffff;
  }
  return costs;
}
