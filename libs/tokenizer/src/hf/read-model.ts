import { BpeModel } from '../model/bpe-model.js';
import { MarkedBpeModel } from '../model/marked-bpe-model.js';
import { MergeList } from '../model/merge-list.js';
import { MergeTable } from '../model/merge-table.js';
import type { TokenModel } from '../model/token-model.js';
import { UnigramSearch } from '../model/unigram-search.js';
import { WordPieceModel } from '../model/wordpiece-model.js';
import type { Splitter } from '../split/splitter.js';
import { utf8Bytes } from '../text/utf8.js';
import type { TokenizerKind } from '../tokenizer.js';
import type { Canonicalize, Vocabulary } from '../vocabulary/vocabulary.js';
import type { AddedToken } from './added-tokens.js';
import type { JsonNode } from './json-node.js';
import { readMerges } from './read-merges.js';
import { makeVocabulary, readIds, readScored, type Entries } from './read-vocabulary.js';
import type { PieceModel } from './text-pipeline.js';
import { WordLevelModel } from './word-level-model.js';

/** How the sections before the model treat text. */
export interface TextRules {
  readonly byteLevel: boolean;
  readonly spaceMarks: boolean;
  readonly canonicalize: Canonicalize;
}

/** The `model` section. */
export interface ReadModel {
  readonly kind: TokenizerKind;
  readonly vocabulary: Vocabulary;
  readonly unknown: number | undefined;
  readonly pieces: PieceModel;
  /** A model that cuts text with a splitter by itself, for vocabularies that need no more than that. */
  withSplitter?(splitter: Splitter): TokenModel;
}

/** Reads the `model` section with the added tokens. */
export function readModel(node: JsonNode, added: readonly AddedToken[], rules: TextRules): ReadModel {
  const type = node.get('type').stringOr(guessType(node));
  switch (type) {
    case 'BPE':
      return readBpe(node, added, rules);
    case 'Unigram':
      return readUnigram(node, added, rules);
    case 'WordPiece':
      return readWordPiece(node, added, rules);
    case 'WordLevel': {
      const { vocabulary, unknown } = withNamedUnknown(node, readIds(node.get('vocab')), added, rules, false);
      return { kind: 'wordpiece', vocabulary, unknown, pieces: new WordLevelModel(vocabulary, unknown) };
    }
    default:
      throw node.unsupported(`model ${type}`);
  }
}

/** Old files do not say which model they have. */
function guessType(node: JsonNode): string {
  if (!node.get('merges').isMissing) return 'BPE';
  if (Array.isArray(node.get('vocab').value)) return 'Unigram';
  return node.get('continuing_subword_prefix').isMissing ? 'WordLevel' : 'WordPiece';
}

function withNamedUnknown(node: JsonNode, entries: Entries, added: readonly AddedToken[], rules: TextRules, byteFallback: boolean) {
  const name = node.get('unk_token').stringOr(undefined);
  const found = name === undefined ? -1 : entries.texts.indexOf(name);
  const unknown = found >= 0 ? found : added.find((token) => token.content === name)?.id;
  return { vocabulary: makeVocabulary(entries, added, { unknown, byteFallback, canonicalize: rules.canonicalize }), unknown };
}

function readBpe(node: JsonNode, added: readonly AddedToken[], rules: TextRules): ReadModel {
  const byteFallback = node.get('byte_fallback').booleanOr(false);
  const { vocabulary, unknown } = withNamedUnknown(node, readIds(node.get('vocab')), added, rules, byteFallback);
  const { lines, separator } = readMerges(node.get('merges'));
  const partMark = node.get('continuing_subword_prefix').stringOr('');
  const endOfWord = node.get('end_of_word_suffix').stringOr('');
  const fusesUnknown = node.get('fuse_unk').booleanOr(false);
  let withSplitter: (splitter: Splitter) => TokenModel & PieceModel;
  if (partMark !== '' || endOfWord !== '') {
    const merges = new MergeList(vocabulary, lines, rules.canonicalize, { separator, leftOut: utf8Bytes(partMark).length });
    const options = { byteLevel: rules.byteLevel, endOfWord, partMark, unknown, fusesUnknown };
    withSplitter = (splitter) => new MarkedBpeModel(vocabulary, splitter, merges, options);
  } else {
    const merges = new MergeTable(lines, rules.canonicalize, separator);
    const ignoreMerges = node.get('ignore_merges').booleanOr(false);
    const options = { byteLevel: rules.byteLevel, byteFallback, spaceMarks: rules.spaceMarks, ignoreMerges, wholeLineEnds: false, unknown, fusesUnknown };
    withSplitter = (splitter) => new BpeModel(vocabulary, splitter, merges, options);
  }
  const pieces = withSplitter({ next: (_bytes, _start, end) => end });
  return { kind: 'bpe', vocabulary, unknown, pieces, withSplitter };
}

function readUnigram(node: JsonNode, added: readonly AddedToken[], rules: TextRules): ReadModel {
  const entries = readScored(node.get('vocab'));
  const byteFallback = node.get('byte_fallback').booleanOr(false);
  const unknown = node.get('unk_id').isMissing ? undefined : node.get('unk_id').number();
  if (unknown !== undefined && !(unknown in entries.texts)) throw node.get('unk_id').wrong('the id of an entry');
  const vocabulary = makeVocabulary(entries, added, { unknown, byteFallback, canonicalize: rules.canonicalize });
  return { kind: 'unigram', vocabulary, unknown, pieces: { maxTokensPerByte: 1, encodeWord: searchOf(vocabulary, unknown, byteFallback) } };
}

function searchOf(vocabulary: Vocabulary, unknown: number | undefined, byteFallback: boolean): PieceModel['encodeWord'] {
  const search = new UnigramSearch(vocabulary, unknown, byteFallback);
  return (bytes, start, end, sink) => search.encodeWord(bytes, start, end, sink);
}

function readWordPiece(node: JsonNode, added: readonly AddedToken[], rules: TextRules): ReadModel {
  const { vocabulary, unknown } = withNamedUnknown(node, readIds(node.get('vocab')), added, rules, false);
  const maxChars = node.get('max_input_chars_per_word').isMissing ? 100 : node.get('max_input_chars_per_word').number();
  const pieces = new WordPieceModel(vocabulary, {
    lowercase: false,
    stripAccents: false,
    wordMark: new Uint8Array(0),
    partMark: utf8Bytes(node.get('continuing_subword_prefix').stringOr('##')),
    maxChars,
    unknown,
  });
  return { kind: 'wordpiece', vocabulary, unknown, pieces };
}
