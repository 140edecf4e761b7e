import { Gpt2Splitter } from '../split/gpt2-splitter.js';
import type { Splitter } from '../split/splitter.js';
import type { JsonNode } from './json-node.js';
import { literalRegex, SPACES, toJsRegex, WORD_CHARACTERS } from './js-regex.js';
import { readPattern } from './normalizers.js';
import { metaspaceStep, prefixSpaceStep, splitStep, type PieceStep } from './piece-steps.js';
import { splitterFor, UnicodeRegexSplitter } from './regex-stage.js';

/** One step of cutting: a splitter where it only cuts, else a step that may drop or change text. */
export type CutStep = { readonly splitter: Splitter } | { readonly step: PieceStep };

const WORDS = new RegExp(`[${WORD_CHARACTERS}]+|[^${WORD_CHARACTERS}${SPACES}]+`, 'gu');
const SPACE = toJsRegex(String.raw`\s`);
const PUNCTUATION = /[\p{P}$+<=>^`|~]/gu;
const DIGIT = /\p{N}/gu;
const DIGITS = /\p{N}+/gu;

const cut = (pattern: RegExp): CutStep => ({ splitter: new UnicodeRegexSplitter(pattern) });

/** The steps of a `pre_tokenizer` section, in order. */
export function readPreTokenizers(node: JsonNode): CutStep[] {
  if (node.isMissing) return [];
  const type = node.type();
  switch (type) {
    case 'Sequence':
      return node.get('pretokenizers').items().flatMap(readPreTokenizers);
    case 'ByteLevel': {
      const steps: CutStep[] = node.get('add_prefix_space').booleanOr(true) ? [{ step: prefixSpaceStep }] : [];
      if (node.get('use_regex').booleanOr(true)) steps.push({ splitter: new Gpt2Splitter() });
      return steps;
    }
    case 'Split':
      return [readSplit(node)];
    case 'Whitespace':
      return [{ step: splitStep(WORDS, 'Removed', true) }];
    case 'WhitespaceSplit':
      return [{ step: splitStep(SPACE, 'Removed', false) }];
    case 'BertPreTokenizer':
      return [{ step: splitStep(SPACE, 'Removed', false) }, cut(PUNCTUATION)];
    case 'Punctuation': {
      const behavior = node.get('behavior').stringOr('Isolated');
      return [behavior === 'Isolated' ? cut(PUNCTUATION) : { step: splitStep(PUNCTUATION, behavior, false) }];
    }
    case 'Digits':
      return [cut(node.get('individual_digits').booleanOr(false) ? DIGIT : DIGITS)];
    case 'CharDelimiterSplit':
      return [{ step: splitStep(literalRegex(node.get('delimiter').string()), 'Removed', false) }];
    case 'Metaspace':
      return [{ step: readMetaspace(node) }];
    default:
      throw node.unsupported(`pre_tokenizer ${type}`);
  }
}

function readSplit(node: JsonNode): CutStep {
  const pattern = readPattern(node.get('pattern'));
  const behavior = node.get('behavior').stringOr('Isolated');
  const inverted = node.get('invert').booleanOr(false);
  if (behavior !== 'Isolated') return { step: splitStep(pattern, behavior, inverted) };
  const source = typeof node.get('pattern').value === 'string' ? '' : node.get('pattern').get('Regex').stringOr('');
  return { splitter: splitterFor(source, pattern) };
}

function readMetaspace(node: JsonNode): PieceStep {
  const replacement = node.get('replacement').stringOr('\u2581');
  if (replacement !== '\u2581') throw node.unsupported(`replacement "${replacement}"`);
  const scheme = node.get('prepend_scheme').stringOr(node.get('add_prefix_space').booleanOr(true) ? 'always' : 'never');
  if (scheme !== 'always' && scheme !== 'first' && scheme !== 'never') throw node.unsupported(`prepend_scheme ${scheme}`);
  return metaspaceStep(scheme, node.get('split').booleanOr(true));
}
