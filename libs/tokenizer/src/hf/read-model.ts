import { IdBpeModel } from '../model/id-bpe-model.js';
import { MergeList } from '../model/merge-list.js';
import type { TokenModel } from '../model/token-model.js';
import { UnigramSearch } from '../model/unigram-search.js';
import { WordPieceModel } from '../model/wordpiece-model.js';
import type { Splitter } from '../split/splitter.js';
import { WholeTextSplitter } from '../split/space-splitter.js';
import { CODE_POINT_OF_BYTE } from '../text/byte-alphabet.js';
import { utf8Bytes } from '../text/utf8.js';
import type { TokenizerKind } from '../tokenizer.js';
import { asWritten, byteAlphabet } from '../vocabulary/canonical.js';
import type { Vocabulary } from '../vocabulary/vocabulary.js';
import type { AddedToken } from './added-tokens.js';
import type { JsonNode } from './json-node.js';
import { readMerges } from './read-merges.js';
import { makeVocabulary, readAddedTokens, readIds, readScored, type Entries } from './read-vocabulary.js';
import type { PieceModel } from './text-pipeline.js';
import { WordLevelModel } from './word-level-model.js';

const DEFAULT_MAX_WORD_CHARACTERS = 100;

/** How the sections before the model treat text. */
export interface TextRules {
  /** Text reaches the model in the byte alphabet. */
  readonly writesBytes: boolean;
  /** Nothing is done to it after it was written so. */
  readonly writesBytesLast: boolean;
}

/** The `model` section with the tokens that were added to it. */
export interface ReadModel {
  readonly kind: TokenizerKind;
  readonly vocabulary: Vocabulary;
  readonly added: readonly AddedToken[];
  readonly unknown: number | undefined;
  /** The model takes text by its bytes: they need not be written in the byte alphabet first. */
  readonly byteLevel: boolean;
  /** Makes the model. Control tokens have been marked in the vocabulary before. */
  createPieces(): PieceModel;
  /** Makes one that cuts text with a splitter by itself, for vocabularies that need no more than that. */
  createWithSplitter?(splitter: Splitter): TokenModel;
}

/** Reads the `model` section and `added_tokens`. */
export function readModel(root: JsonNode, rules: TextRules): ReadModel {
  const node = root.get('model');
  const added = root.get('added_tokens');
  const type = node.get('type').stringOr(guessType(node));
  switch (type) {
    case 'BPE':
      return readBpe(node, added, rules);
    case 'Unigram':
      return readUnigram(node, added);
    case 'WordPiece':
      return readWordPiece(node, added);
    case 'WordLevel': {
      const { unknown, ...words } = readWords(node, added);
      return {
        kind: 'wordpiece',
        ...words,
        unknown,
        byteLevel: false,
        createPieces: () => new WordLevelModel(words.vocabulary, unknown),
      };
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

/** The vocabulary of a model of whole words or their parts, which cannot do without an unknown token. */
function readWords(
  node: JsonNode,
  addedNode: JsonNode,
): { vocabulary: Vocabulary; added: readonly AddedToken[]; unknown: number } {
  const entries = readIds(node.get('vocab'));
  const added = readAddedTokens(addedNode, entries);
  const unknown = entries.idOf(node.get('unk_token').string());
  if (unknown === undefined) throw node.get('unk_token').wrong('an entry of the vocabulary');
  return {
    vocabulary: makeVocabulary(entries, added, { unknown, byteFallback: false, canonicalize: asWritten }),
    added,
    unknown,
  };
}

function readBpe(node: JsonNode, addedNode: JsonNode, rules: TextRules): ReadModel {
  const entries = readIds(node.get('vocab'));
  const added = readAddedTokens(addedNode, entries);
  const byteFallback = node.get('byte_fallback').booleanOr(false);
  const partMark = node.get('continuing_subword_prefix').stringOr('');
  const endOfWord = node.get('end_of_word_suffix').stringOr('');
  // Marks of printable ASCII are the same by their bytes and in the byte alphabet.
  const byteLevel = rules.writesBytesLast && /^[!-~]*$/.test(partMark + endOfWord);
  const canonicalize = byteLevel ? byteAlphabet : asWritten;
  const unknown = readUnknown(node.get('unk_token'), entries, rules.writesBytes, byteFallback);
  const vocabulary = makeVocabulary(entries, added, { unknown, byteFallback, canonicalize });
  const written = readMerges(node.get('merges'));
  const options = {
    byteLevel,
    byteFallback,
    endOfWord,
    partMark,
    unknown,
    ignoreMerges: node.get('ignore_merges').booleanOr(false),
    fusesUnknown: node.get('fuse_unk').booleanOr(false),
  };
  const createWithSplitter = (splitter: Splitter): IdBpeModel => {
    const merges = new MergeList(vocabulary, written.parts, {
      canonicalize,
      leftOut: utf8Bytes(partMark).length,
      broken: written.broken,
    });
    return new IdBpeModel(vocabulary, splitter, merges, options);
  };
  return {
    kind: 'bpe',
    vocabulary,
    added,
    unknown,
    byteLevel,
    createPieces: () => createWithSplitter(new WholeTextSplitter()),
    createWithSplitter,
  };
}

/** The unknown token of a byte-pair model: an entry, if one is named, unless no text can be unknown. */
function readUnknown(
  node: JsonNode,
  entries: Entries,
  writesBytes: boolean,
  byteFallback: boolean,
): number | undefined {
  if (node.isMissing) return undefined;
  const unknown = entries.idOf(node.string());
  if (unknown !== undefined) return unknown;
  const coversAll = (name: (byte: number) => string): boolean =>
    Array.from({ length: 256 }, (_, byte) => name(byte)).every((text) => entries.idOf(text) !== undefined);
  const knowsAllBytes = writesBytes && coversAll((byte) => String.fromCharCode(CODE_POINT_OF_BYTE[byte]));
  if (knowsAllBytes || (byteFallback && coversAll((byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`)))
    return undefined;
  throw node.wrong('an entry of the vocabulary, as there are characters that it has no token for');
}

function readUnigram(node: JsonNode, addedNode: JsonNode): ReadModel {
  const entries = readScored(node.get('vocab'));
  const added = readAddedTokens(addedNode, entries);
  const byteFallback = node.get('byte_fallback').booleanOr(false);
  const unknown = node.get('unk_id').isMissing ? undefined : node.get('unk_id').number();
  if (unknown !== undefined && !(unknown in entries.texts)) throw node.get('unk_id').wrong('the id of an entry');
  const vocabulary = makeVocabulary(entries, added, { unknown, byteFallback, canonicalize: asWritten });
  const rules = {
    isPiece: (id: number) => vocabulary.isMatched(id),
    scoreOf: (id: number) => entries.scores[id],
    worstScore: entries.scores.reduce((worst, score) => Math.min(worst, score), Infinity),
    unknown,
    byteFallback,
  };
  const createPieces = (): PieceModel => {
    const search = new UnigramSearch(vocabulary, rules);
    return { maxTokensPerByte: 1, encodeWord: (bytes, start, end, sink) => search.encodeWord(bytes, start, end, sink) };
  };
  return { kind: 'unigram', vocabulary, added, unknown, byteLevel: false, createPieces };
}

function readWordPiece(node: JsonNode, addedNode: JsonNode): ReadModel {
  const { vocabulary, added, unknown } = readWords(node, addedNode);
  const options = {
    lowercase: false,
    stripAccents: false,
    wordMark: new Uint8Array(0),
    partMark: utf8Bytes(node.get('continuing_subword_prefix').stringOr('##')),
    maxChars: node.get('max_input_chars_per_word').isMissing
      ? DEFAULT_MAX_WORD_CHARACTERS
      : node.get('max_input_chars_per_word').number(),
    unknown,
  };
  return {
    kind: 'wordpiece',
    vocabulary,
    added,
    unknown,
    byteLevel: false,
    createPieces: () => new WordPieceModel(vocabulary, options),
  };
}
