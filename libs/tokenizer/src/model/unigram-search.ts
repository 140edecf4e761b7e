import { sequenceLength } from '../text/utf8.js';
import { ByteTrie } from '../vocabulary/byte-trie.js';
import { NORMAL, UNUSED, USER_DEFINED, type Vocabulary } from '../vocabulary/vocabulary.js';
import type { TokenSink } from './token-sink.js';

/** How much worse than the worst entry an unknown character is. */
const UNKNOWN_PENALTY = 10;
const UNKNOWN_ID = -1;

/** Finds the split of a text into entries that has the best sum of scores; unknown characters in a row are one token. */
export class UnigramSearch {
  private readonly trie = new ByteTrie();
  private readonly unknownScore: number;
  private readonly idOfByte: Int32Array | undefined;
  /** The best way to each position, counted from the start of the text: its score, its last token and where that starts. */
  private scores = new Float64Array(0);
  private ids = new Int32Array(0);
  private origins = new Int32Array(0);

  /**
   * @param unknown stands for unknown characters
   * @param byteFallback writes unknown characters as their bytes instead, where the vocabulary has a token for each
   */
  constructor(
    private readonly vocabulary: Vocabulary,
    private readonly unknown: number | undefined,
    byteFallback: boolean,
  ) {
    const { bytes, offsets, scores } = vocabulary;
    let worst = Infinity;
    for (let id = 0; id < vocabulary.size; id++) {
      if (vocabulary.has(id, NORMAL)) worst = Math.min(worst, scores[id] ?? 0);
      if (offsets[id + 1] > offsets[id] && vocabulary.has(id, NORMAL | USER_DEFINED | UNUSED)) this.trie.add(bytes, offsets[id], offsets[id + 1], id);
    }
    const unknownScore = Math.min(worst, Number.MAX_VALUE) - UNKNOWN_PENALTY;
    this.unknownScore = scores instanceof Float32Array ? Math.fround(unknownScore) : unknownScore;
    if (byteFallback) this.idOfByte = byteTokens(vocabulary);
  }

  /** Writes the tokens of a text. */
  encodeWord(bytes: Uint8Array, start: number, end: number, sink: TokenSink): void {
    if (end <= start) return;
    this.reserve(end - start);
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
    const { scores, trie, vocabulary } = this;
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
        if (id < 0) continue;
        if (to === next) known = true;
        this.offer(to - start, from - start, id, vocabulary.has(id, USER_DEFINED) ? 0 : (vocabulary.scores[id] ?? 0));
      }
      if (!known) this.offer(next - start, from - start, UNKNOWN_ID, this.unknownScore);
      from = next;
    }
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
    const unknown = this.unknown ?? UNKNOWN_ID;
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
      const id = ids[to];
      if (id === unknown && i + 1 < count && ids[path[i + 1]] === unknown) continue;
      if (id === unknown && this.idOfByte !== undefined) {
        for (let at = start + from; at < start + to; at++) sink.push(this.idOfByte[bytes[at]], at, at + 1);
      } else if (id >= 0) sink.push(id, start + from, start + to);
      from = to;
    }
  }
}

/** The tokens `<0x00>` to `<0xFF>`, if all are there. */
function byteTokens(vocabulary: Vocabulary): Int32Array | undefined {
  const ids = new Int32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    const id = vocabulary.idOf(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
    if (id === undefined) return undefined;
    ids[byte] = id;
  }
  return ids;
}
