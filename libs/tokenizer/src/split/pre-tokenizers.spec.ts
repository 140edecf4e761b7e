import fc from 'fast-check';
import { goldenSplits } from '../golden.test-support.js';
import { utf8Bytes } from '../text/utf8.js';
import { Cl100kSplitter } from './cl100k-splitter.js';
import { Deepseek3Splitter } from './deepseek3-splitter.js';
import { Gpt2Splitter } from './gpt2-splitter.js';
import { O200kSplitter } from './o200k-splitter.js';
import { PATTERNS } from './patterns.table.js';
import { PRE_TOKENIZERS } from './pre-tokenizers.js';
import { RegexSplitter } from './regex-splitter.js';
import type { Splitter } from './splitter.js';
import { StagedSplitter } from './staged-splitter.js';

function lengths(splitter: Splitter, text: string): number[] {
  const bytes = utf8Bytes(text);
  const result: number[] = [];
  splitter.begin?.(bytes, 0, bytes.length);
  for (let at = 0; at < bytes.length; ) {
    const next = splitter.next(bytes, at, bytes.length);
    result.push(next - at);
    at = next;
  }
  return result;
}

const { texts, groups } = goldenSplits();

describe.each(groups.map((group) => [group.names.join(' '), group] as const))('pre-tokenizers %s', (_names, group) => {
  it.each(group.names)('%s cuts as the reference does', (name) => {
    const splitter = new StagedSplitter(PRE_TOKENIZERS.get(name)!.stages());
    expect(texts.map((text) => lengths(splitter, text))).toEqual(group.lengths);
  });
});

const characters = ['a', 'Z', 's', 'é', 'É', 'ʰ', 'ǅ', '中', 'ひ', '한', '1', '٣', '½', ' ', ' ', '\u00a0', '\u3000', '\n', '\r', '\t', "'", "'s", "'LL", '\u0301', '.', '/', '。', '$', '€', '\u200b', '\u0378', '😀', '_', '\u{1d400}', '\0'];
const text = fc.array(fc.constantFrom(...characters), { maxLength: 24 }).map((parts) => parts.join(''));

const byHand: [string, () => Splitter, string][] = [
  ['gpt-2', () => new Gpt2Splitter(), PATTERNS.GPT2],
  ['llama 3', () => new Cl100kSplitter({ maxDigits: 3 }), PATTERNS.LLAMA3],
  ['qwen2', () => new Cl100kSplitter({ maxDigits: 1 }), PATTERNS.QWEN2],
  ['qwen3.5', () => new Cl100kSplitter({ maxDigits: 1, marksAreLetters: true }), PATTERNS.QWEN35],
  ['minicpm5', () => new Cl100kSplitter({ maxDigits: Infinity }), PATTERNS.MINICPM5],
  ['seed-coder', () => new Cl100kSplitter({ maxDigits: 1, signsTakeNoLineEnds: true }), PATTERNS.SEED_CODER],
  ['ufakzeka', () => new Cl100kSplitter({ maxDigits: 1, keepsShortForms: true }), PATTERNS.UFAKZEKA],
  ['gpt-4o', () => new O200kSplitter({ maxDigits: 3, shortForms: true, marksAreLetters: false, cutsCase: true }), PATTERNS.GPT4O],
  ['tekken', () => new O200kSplitter({ maxDigits: 1, shortForms: false, marksAreLetters: false, cutsCase: true }), PATTERNS.TEKKEN],
  ['granite embedding', () => new O200kSplitter({ maxDigits: 3, shortForms: true, marksAreLetters: true, cutsCase: true }), PATTERNS.GRANITE_EMBEDDING],
  ['tiny aya', () => new O200kSplitter({ maxDigits: 3, shortForms: true, marksAreLetters: true, cutsCase: false }), PATTERNS.TINY_AYA],
  ['deepseek-v3', () => new Deepseek3Splitter(), PATTERNS.DEEPSEEK3],
];

it.each(byHand)('the splitter of %s cuts as its regular expression does', (_name, make, source) => {
  const splitter = make();
  const regex = new RegexSplitter(source);
  fc.assert(fc.property(text, (sample) => expect(lengths(splitter, sample)).toEqual(lengths(regex, sample))), { numRuns: 600 });
});
