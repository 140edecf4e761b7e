import { CharsMap } from '../text/chars-map.js';
import { RewrittenText } from '../text/rewritten-text.js';
import { TEXT_START } from '../text/utf8.js';
import { ByteTrie } from '../vocabulary/byte-trie.js';
import { USER_DEFINED, type Vocabulary } from '../vocabulary/vocabulary.js';
import type { TokenModel } from './token-model.js';
import type { TokenSink } from './token-sink.js';
import { UnigramNormalizer, type SpaceRules } from './unigram-normalizer.js';
import { UnigramSearch } from './unigram-search.js';

/** SentencePiece's unigram model with its normalization. */
export class UnigramModel implements TokenModel {
  private readonly normalizer: UnigramNormalizer;
  private readonly text = new RewrittenText();
  private readonly search: UnigramSearch;

  constructor(vocabulary: Vocabulary, charsMap: Uint8Array | undefined, spaces: SpaceRules, unknown: number | undefined) {
    const { bytes, offsets } = vocabulary;
    const ownTokens = new ByteTrie();
    for (let id = 0; id < vocabulary.size; id++) {
      if (vocabulary.has(id, USER_DEFINED)) ownTokens.add(bytes, offsets[id], offsets[id + 1], id);
    }
    this.normalizer = new UnigramNormalizer(charsMap === undefined ? undefined : new CharsMap(charsMap), ownTokens, spaces);
    this.search = new UnigramSearch(vocabulary, unknown, false);
  }

  encode(bytes: Uint8Array, start: number, end: number, _first: boolean, sink: TokenSink): void {
    const { text } = this;
    this.normalizer.run(bytes, start, end, text);
    const before = sink.count;
    sink.reserve(text.length);
    this.search.encodeWord(text.bytes, TEXT_START, text.length, sink);
    sink.mapRanges(before, text);
    text.clear();
  }
}
