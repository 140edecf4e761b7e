import { StarlingError } from '@starling/core';
import { codePointAt, sequenceLength } from '../text/utf8.js';
import { ByteTrie } from '../vocabulary/byte-trie.js';
import { CONTROL, type Vocabulary } from '../vocabulary/vocabulary.js';
import type { TokenSink } from './token-sink.js';

/** How much worse than the worst entry an unknown character is. */
const UNKNOWN_PENALTY = 10;
const UNKNOWN_ID = -1;

/** What text is split into. */
export interface UnigramRules {
  /** Whether text may become an entry. Control tokens it only becomes where it may name those. */
  isPiece(id: number): boolean;
  scoreOf(id: number): number;
  /** The worst score of the entries that count. */
  readonly worstScore: number;
  /** Stands for unknown characters; without one, text that has any is refused. */
  readonly unknown: number | undefined;
  /** Writes unknown characters as their bytes instead, where the vocabulary has a token for each. */
  readonly byteFallback: boolean;
}

/** Finds the split of a text into entries that has the best sum of scores; unknown characters in a row are one token. */
export class UnigramSearch {
  private readonly trie = new ByteTrie();
  private readonly pieceScores: Float64Array;
  private readonly unknownScore: number;
  /** The entry `<0xNN>` of each byte, or -1: `(256)`. */
  private readonly idOfByte = new Int32Array(256).fill(-1);
  /** The best way to each position, counted from the start of the text: its score, its last token and where that starts. */
  private scores = new Float64Array(0);
  private ids = new Int32Array(0);
  private origins = new Int32Array(0);
  private hidesControl = true;

  constructor(
    private readonly vocabulary: Vocabulary,
    private readonly rules: UnigramRules,
  ) {
    const { bytes, offsets, scores, size } = vocabulary;
    this.pieceScores = new Float64Array(size);
    for (let id = 0; id < size; id++) {
      if (offsets[id + 1] === offsets[id] || !rules.isPiece(id)) continue;
      this.pieceScores[id] = rules.scoreOf(id);
      this.trie.add(bytes, offsets[id], offsets[id + 1], id);
    }
    const unknownScore = Math.min(rules.worstScore, Number.MAX_VALUE) - UNKNOWN_PENALTY;
    this.unknownScore = scores instanceof Float32Array ? Math.fround(unknownScore) : unknownScore;
    if (!rules.byteFallback) return;
    for (let byte = 0; byte < 256; byte++) this.idOfByte[byte] = vocabulary.byteToken(byte) ?? -1;
  }

  /** Writes the tokens of a text. */
  encodeWord(bytes: Uint8Array, start: number, end: number, sink: TokenSink): void {
    if (end <= start) return;
    this.reserve(end - start);
    this.hidesControl = !sink.parsesSpecial;
    this.forward(bytes, start, end);
    this.write(bytes, start, end - start, sink);
  }

  private reserve(length: number): void {
    if (this.scores.length > length && (this.scores.length <= 1 << 18 || length > 1 << 16)) return;
    const capacity = Math.max(256, length + 1);
    this.scores = new Float64Array(capacity);
    this.ids = new Int32Array(capacity);
    this.origins = new Int32Array(capacity);
  }

  private forward(bytes: Uint8Array, start: number, end: number): void {
    const { scores, trie, pieceScores } = this;
    scores.fill(-Infinity, 0, end - start + 1);
    scores[0] = 0;
    for (let from = start; from < end; ) {
      const next = Math.min(end, from + sequenceLength(bytes[from]));
      let known = false;
      let node: number = ByteTrie.ROOT;
      for (let to = from; to < end; ) {
        node = trie.step(node, bytes[to++]);
        if (node < 0) break;
        const id = trie.valueAt(node);
        if (id < 0 || this.isHidden(id)) continue;
        if (to === next) known = true;
        this.offer(to - start, from - start, id, pieceScores[id]);
      }
      if (!known) this.offer(next - start, from - start, UNKNOWN_ID, this.unknownScore);
      from = next;
    }
  }

  private isHidden(id: number): boolean {
    return this.hidesControl && this.vocabulary.has(id, CONTROL);
  }

  private offer(to: number, from: number, id: number, score: number): void {
    const sum = this.scores[from] + score;
    if (!(sum > this.scores[to])) return;
    this.scores[to] = sum;
    this.ids[to] = id;
    this.origins[to] = from;
  }

  private write(bytes: Uint8Array, start: number, length: number, sink: TokenSink): void {
    const { ids, origins } = this;
    const unknown = this.rules.unknown ?? UNKNOWN_ID;
    let count = 0;
    for (let to = length; to > 0; to = origins[to]) {
      if (ids[to] === UNKNOWN_ID) ids[to] = unknown;
      count++;
    }
    const path = new Int32Array(count);
    for (let to = length, i = count; to > 0; to = origins[to]) path[--i] = to;
    let from = 0;
    for (let i = 0; i < count; i++) {
      const to = path[i];
      if (ids[to] !== unknown) sink.push(ids[to], start + from, start + to);
      else if (i + 1 < count && ids[path[i + 1]] === unknown) continue;
      else this.writeUnknown(bytes, start + from, start + to, sink);
      from = to;
    }
  }

  /** Writes characters that are no entries, one by one; as a run they may be one all the same. */
  private writeUnknown(bytes: Uint8Array, start: number, end: number, sink: TokenSink): void {
    const { vocabulary, idOfByte } = this;
    const { unknown, isPiece } = this.rules;
    const id = vocabulary.find(bytes, start, end);
    if (id >= 0 && isPiece(id) && !this.isHidden(id)) return sink.push(id, start, end);
    let falls = true;
    for (let at = start; at < end && falls; at++)
      falls = idOfByte[bytes[at]] >= 0 && !this.isHidden(idOfByte[bytes[at]]);
    if (falls) for (let at = start; at < end; at++) sink.push(idOfByte[bytes[at]], at, at + 1);
    else if (unknown !== undefined) sink.push(unknown, start, end);
    else throw unknownCharacter(codePointAt(bytes, start));
  }
}

function unknownCharacter(cp: number): StarlingError {
  const name = `U+${cp.toString(16).toUpperCase().padStart(4, '0')}`;
  return new StarlingError(
    'invalid_vocabulary',
    `the vocabulary has no token for ${name} and names none for what it does not know (its unk_id is null), so this text cannot be encoded`,
    {
      details: { character: name },
    },
  );
}
