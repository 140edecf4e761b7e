import { RewrittenText } from '../text/rewritten-text.js';
import { sequenceLength, TEXT_START } from '../text/utf8.js';
import { ByteTrie } from '../vocabulary/byte-trie.js';
import { NORMAL, UNUSED, USER_DEFINED, type Vocabulary } from '../vocabulary/vocabulary.js';
import type { CharsMap } from '../text/chars-map.js';
import type { TokenModel } from './token-model.js';
import type { TokenSink } from './token-sink.js';
import { UnigramNormalizer, type SpaceRules } from './unigram-normalizer.js';

/** How much worse than the worst entry an unknown character is. */
const UNKNOWN_PENALTY = 10;

/** SentencePiece's unigram model: the split into entries with the best sum of scores; unknown characters in a row are one token. */
export class UnigramModel implements TokenModel {
  readonly maxTokensPerByte = 1;
  private readonly trie = new ByteTrie();
  private readonly normalizer: UnigramNormalizer;
  private readonly text = new RewrittenText();
  private readonly unknownScore: number;
  private scores = new Float64Array(0);
  private ids = new Int32Array(0);
  private origins = new Int32Array(0);

  constructor(
    private readonly vocabulary: Vocabulary,
    charsMap: CharsMap | undefined,
    spaces: SpaceRules,
    private readonly unknown: number | undefined,
  ) {
    const { bytes, offsets, scores } = vocabulary;
    const ownTokens = new ByteTrie();
    let worst = Infinity;
    for (let id = 0; id < vocabulary.size; id++) {
      if (vocabulary.has(id, NORMAL)) worst = Math.min(worst, scores[id] ?? 0);
      if (vocabulary.has(id, NORMAL | USER_DEFINED | UNUSED)) this.trie.add(bytes, offsets[id], offsets[id + 1], id);
      if (vocabulary.has(id, USER_DEFINED)) ownTokens.add(bytes, offsets[id], offsets[id + 1], id);
    }
    this.unknownScore = Math.fround(Math.min(worst, Number.MAX_VALUE) - UNKNOWN_PENALTY);
    this.normalizer = new UnigramNormalizer(charsMap, ownTokens, spaces);
  }

  encode(bytes: Uint8Array, start: number, end: number, _first: boolean, sink: TokenSink): void {
    const { text } = this;
    this.normalizer.run(bytes, start, end, text);
    const before = sink.count;
    if (text.length > TEXT_START) {
      sink.reserve(text.length);
      this.search(text.bytes, text.length);
      this.backtrack(text.length, sink);
    }
    sink.mapRanges(before, text);
    text.clear();
    if (this.scores.length > 1 << 20) this.scores = new Float64Array(0);
  }

  /** Fills in, for each position, the best way to get there. */
  private search(bytes: Uint8Array, end: number): void {
    if (this.scores.length <= end) {
      this.scores = new Float64Array(end * 2);
      this.ids = new Int32Array(end * 2);
      this.origins = new Int32Array(end * 2);
    }
    const { scores, trie } = this;
    scores.fill(-Infinity, TEXT_START, end + 1);
    scores[TEXT_START] = 0;
    for (let from = TEXT_START; from < end; ) {
      const next = Math.min(end, from + sequenceLength(bytes[from]));
      let known = false;
      let node: number = ByteTrie.ROOT;
      for (let to = from; to < end; ) {
        node = trie.step(node, bytes[to++]);
        if (node < 0) break;
        const id = trie.valueAt(node);
        if (id < 0) continue;
        if (to === next) known = true;
        this.offer(to, from, id, this.vocabulary.has(id, USER_DEFINED) ? 0 : (this.vocabulary.scores[id] ?? 0));
      }
      if (!known) this.offer(next, from, -1, this.unknownScore);
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

  private backtrack(end: number, sink: TokenSink): void {
    const { ids, origins } = this;
    const unknown = this.unknown ?? -1;
    let count = 0;
    for (let to = end; to > TEXT_START; to = origins[to]) {
      if (ids[to] < 0) ids[to] = unknown;
      count++;
    }
    const path = new Int32Array(count);
    for (let to = end, i = count; to > TEXT_START; to = origins[to]) path[--i] = to;
    let from = TEXT_START;
    for (let i = 0; i < count; i++) {
      const id = ids[path[i]];
      if (id === unknown && i + 1 < count && ids[path[i + 1]] === unknown) continue;
      if (id >= 0) sink.push(id, from, path[i]);
      from = path[i];
    }
  }
}
