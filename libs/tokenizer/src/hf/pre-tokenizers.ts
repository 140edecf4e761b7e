import { Gpt2Splitter } from '../split/gpt2-splitter.js';
import type { Splitter } from '../split/splitter.js';
import { charClasses, WHITE_SPACE } from '../text/char-class.js';
import { sequenceLength } from '../text/utf8.js';
import { CharacterSplitter, characterStep, type IsMatch } from './character-steps.js';
import { numbers, punctuation } from './character-tables.js';
import type { JsonNode } from './json-node.js';
import { readPattern } from './normalizers.js';
import {
  metaspaceStep,
  prefixSpaceStep,
  SPLIT_BEHAVIORS,
  splitStep,
  type PieceStep,
  type SplitBehavior,
} from './piece-steps.js';
import { splitterFor } from './regex-stage.js';
import { SPACES, WORD_CHARACTERS } from './regex/character-sets.js';
import { stepsOf } from './sequence.js';
import { scriptsStep } from './unicode-scripts.js';

/** One step of cutting: a splitter where it only cuts, a step that may drop or rewrite pieces, or bytes as the characters that stand for them. */
export type PreTokenizerStep =
  | { readonly kind: 'cut'; readonly splitter: Splitter }
  | { readonly kind: 'pieces'; readonly step: PieceStep }
  | { readonly kind: 'bytes' };

const WORDS = new RegExp(`[${WORD_CHARACTERS}]+|[^${WORD_CHARACTERS}${SPACES}]+`, 'gu');
const isSpace: IsMatch = (cp) => (charClasses()[cp] & WHITE_SPACE) !== 0;
const isPunctuation: IsMatch = (cp) => punctuation()[cp] !== 0;
const isNumber: IsMatch = (cp) => numbers()[cp] !== 0;

const DEFAULT_FIXED_LENGTH = 5;

const cut = (splitter: Splitter): PreTokenizerStep => ({ kind: 'cut', splitter });
const pieces = (step: PieceStep): PreTokenizerStep => ({ kind: 'pieces', step });
const cutOut = (isMatch: IsMatch): PreTokenizerStep => cut(new CharacterSplitter(isMatch, false));
const cutAt = (isMatch: IsMatch, behavior: SplitBehavior): PreTokenizerStep =>
  behavior === 'Isolated' ? cutOut(isMatch) : pieces(characterStep(isMatch, behavior));

/** The steps of a `pre_tokenizer` section, in order. */
export function readPreTokenizers(section: JsonNode): PreTokenizerStep[] {
  return stepsOf(section, 'pretokenizers').flatMap(readPreTokenizer);
}

function readPreTokenizer(node: JsonNode): PreTokenizerStep[] {
  const type = node.type();
  switch (type) {
    case 'ByteLevel':
      return [
        ...(node.get('add_prefix_space').booleanOr(true) ? [pieces(prefixSpaceStep)] : []),
        ...(node.get('use_regex').booleanOr(true) ? [cut(new Gpt2Splitter())] : []),
        { kind: 'bytes' },
      ];
    case 'Split':
      return [readSplit(node)];
    case 'Whitespace':
      return [pieces(splitStep(WORDS, 'Removed', true))];
    case 'WhitespaceSplit':
      return [cutAt(isSpace, 'Removed')];
    case 'BertPreTokenizer':
      return [cutAt(isSpace, 'Removed'), cutOut(isPunctuation)];
    case 'Punctuation':
      return [cutAt(isPunctuation, readBehavior(node.get('behavior')))];
    case 'Digits':
      return [cut(new CharacterSplitter(isNumber, !node.get('individual_digits').booleanOr(false)))];
    case 'CharDelimiterSplit': {
      const delimiter = readCharacter(node.get('delimiter')).codePointAt(0);
      return [cutAt((cp) => cp === delimiter, 'Removed')];
    }
    case 'Metaspace':
      return [pieces(readMetaspace(node))];
    case 'UnicodeScripts':
      return [pieces(scriptsStep)];
    case 'FixedLength':
      return [cut(readFixedLength(node.get('length')))];
    default:
      throw node.unsupported(`pre_tokenizer ${type}`);
  }
}

function readBehavior(node: JsonNode): SplitBehavior {
  const name = node.stringOr('Isolated');
  const behavior = SPLIT_BEHAVIORS.find((one) => one === name);
  if (behavior === undefined) throw node.wrong(`one of ${SPLIT_BEHAVIORS.join(', ')}`);
  return behavior;
}

function readSplit(node: JsonNode): PreTokenizerStep {
  const pattern = readPattern(node.get('pattern'));
  const behavior = readBehavior(node.get('behavior'));
  const inverted = node.get('invert').booleanOr(false);
  if (behavior !== 'Isolated') return pieces(splitStep(pattern, behavior, inverted));
  const source = typeof node.get('pattern').value === 'string' ? '' : node.get('pattern').get('Regex').stringOr('');
  return cut(splitterFor(source, pattern));
}

function readMetaspace(node: JsonNode): PieceStep {
  return metaspaceStep({ mark: readMark(node), scheme: readScheme(node), splits: node.get('split').booleanOr(true) });
}

/** What a Metaspace section, of a pre-tokenizer or of a decoder, writes for a space. */
export function readMark(node: JsonNode): string {
  return node.get('replacement').isMissing ? '\u2581' : readCharacter(node.get('replacement'));
}

/** Where a Metaspace section puts a mark that stands for no space. */
export function readScheme(node: JsonNode): 'always' | 'first' | 'never' {
  const scheme = node.get('prepend_scheme').stringOr(node.get('add_prefix_space').booleanOr(true) ? 'always' : 'never');
  if (scheme !== 'always' && scheme !== 'first' && scheme !== 'never')
    throw node.get('prepend_scheme').wrong('always, first or never');
  return scheme;
}

function readCharacter(node: JsonNode): string {
  const text = node.string();
  if (Array.from(text).length !== 1) throw node.wrong('one character');
  return text;
}

/** Cuts pieces of so many characters. */
function readFixedLength(node: JsonNode): Splitter {
  const length = node.isMissing ? DEFAULT_FIXED_LENGTH : node.number();
  if (!Number.isInteger(length) || length < 1) throw node.wrong('a whole number from 1 on');
  return {
    next(bytes, start, end) {
      let at = start;
      for (let count = 0; count < length && at < end; count++) at += sequenceLength(bytes[at]);
      return at;
    },
  };
}
