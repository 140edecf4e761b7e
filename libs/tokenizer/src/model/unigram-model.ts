import { CharsMap } from '../text/chars-map.js';
import { RewrittenText } from '../text/rewritten-text.js';
import { TEXT_START } from '../text/utf8.js';
import { ByteTrie } from '../vocabulary/byte-trie.js';
import { NORMAL, UNUSED, USER_DEFINED, type Vocabulary } from '../vocabulary/vocabulary.js';
import type { TokenModel } from './token-model.js';
import type { TokenSink } from './token-sink.js';
import { UnigramNormalizer, type SpaceRules } from './unigram-normalizer.js';
import { UnigramSearch, type UnigramRules } from './unigram-search.js';

/** SentencePiece's unigram model with its normalization. */
export class UnigramModel implements TokenModel {
  private readonly normalizer: UnigramNormalizer;
  private readonly text = new RewrittenText();
  private readonly search: UnigramSearch;

  constructor(
    vocabulary: Vocabulary,
    charsMap: Uint8Array | undefined,
    spaces: SpaceRules,
    unknown: number | undefined,
  ) {
    const { bytes, offsets } = vocabulary;
    const ownTokens = new ByteTrie();
    for (let id = 0; id < vocabulary.size; id++) {
      if (vocabulary.has(id, USER_DEFINED)) ownTokens.add(bytes, offsets[id], offsets[id + 1], id);
    }
    this.normalizer = new UnigramNormalizer(
      charsMap === undefined ? undefined : new CharsMap(charsMap),
      ownTokens,
      spaces,
    );
    this.search = new UnigramSearch(vocabulary, rulesOf(vocabulary, unknown));
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

/** What SentencePiece makes text of: ordinary entries by their scores, users' own for nothing. */
function rulesOf(vocabulary: Vocabulary, unknown: number | undefined): UnigramRules {
  let worstScore = Infinity;
  for (let id = 0; id < vocabulary.size; id++)
    if (vocabulary.has(id, NORMAL)) worstScore = Math.min(worstScore, vocabulary.scores[id] ?? 0);
  return {
    isPiece: (id) => vocabulary.has(id, NORMAL | USER_DEFINED | UNUSED),
    scoreOf: (id) => (vocabulary.has(id, USER_DEFINED) ? 0 : (vocabulary.scores[id] ?? 0)),
    worstScore,
    unknown,
    byteFallback: false,
  };
}
