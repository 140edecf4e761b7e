import fc from 'fast-check';
import { goldenSplits } from '../golden.test-support.js';
import { utf8Bytes } from '../text/utf8.js';
import { NUMBER, PUNCTUATION, WHITE_SPACE } from '../text/char-class.js';
import { CharSet } from './char-set.js';
import { Cl100kSplitter } from './cl100k-splitter.js';
import { Deepseek3Splitter } from './deepseek3-splitter.js';
import { Gpt2Splitter } from './gpt2-splitter.js';
import { O200kSplitter } from './o200k-splitter.js';
import { PATTERNS } from './patterns.table.js';
import { HAND_WRITTEN } from './patterns.test-support.js';
import { PRE_TOKENIZERS } from './pre-tokenizers.js';
import { RegexSplitter } from './regex-splitter.js';
import { RunSplitter } from './run-splitter.js';
import type { Splitter } from './splitter.js';
import { StagedSplitter } from './staged-splitter.js';
import { ThousandsSplitter } from './thousands-splitter.js';

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

const characters = [
  'a',
  'Z',
  's',
  'é',
  'É',
  'ʰ',
  'ǅ',
  '中',
  'ひ',
  '한',
  '1',
  '٣',
  '½',
  '22',
  '4567',
  ' ',
  ' ',
  '\u00a0',
  '\u3000',
  '\n',
  '\r',
  '\t',
  "'",
  "'s",
  "'LL",
  '\u0301',
  '.',
  '/',
  '。',
  '$',
  '€',
  '\u200b',
  '\u0378',
  '😀',
  '_',
  '\u{1d400}',
  '\0',
];
const text = fc.array(fc.constantFrom(...characters), { maxLength: 24 }).map((parts) => parts.join(''));

const byHand: [string, () => Splitter, string][] = [
  ['gpt-2', () => new Gpt2Splitter(), PATTERNS.GPT2],
  ['llama 3', () => new Cl100kSplitter({ maxDigits: 3 }), PATTERNS.LLAMA3],
  ['qwen2', () => new Cl100kSplitter({ maxDigits: 1 }), PATTERNS.QWEN2],
  ['bailingmoe', () => PRE_TOKENIZERS.get('bailingmoe')!.stages()[0], HAND_WRITTEN.BAILINGMOE],
  ['qwen3.5', () => new Cl100kSplitter({ maxDigits: 1, marksAreLetters: true }), HAND_WRITTEN.QWEN35],
  ['minicpm5', () => new Cl100kSplitter({ maxDigits: Infinity }), HAND_WRITTEN.MINICPM5],
  ['seed-coder', () => new Cl100kSplitter({ maxDigits: 1, signsTakeNoLineEnds: true }), HAND_WRITTEN.SEED_CODER],
  ['ufakzeka', () => new Cl100kSplitter({ maxDigits: 1, keepsShortForms: true }), HAND_WRITTEN.UFAKZEKA],
  [
    'gpt-4o',
    () => new O200kSplitter({ maxDigits: 3, shortForms: true, marksAreLetters: false, cutsCase: true }),
    HAND_WRITTEN.GPT4O,
  ],
  [
    'tekken',
    () => new O200kSplitter({ maxDigits: 1, shortForms: false, marksAreLetters: false, cutsCase: true }),
    HAND_WRITTEN.TEKKEN,
  ],
  [
    'granite embedding',
    () => new O200kSplitter({ maxDigits: 3, shortForms: true, marksAreLetters: true, cutsCase: true }),
    HAND_WRITTEN.GRANITE_EMBEDDING,
  ],
  [
    'tiny aya',
    () => new O200kSplitter({ maxDigits: 3, shortForms: true, marksAreLetters: true, cutsCase: false }),
    HAND_WRITTEN.TINY_AYA,
  ],
  ['bloom', () => PRE_TOKENIZERS.get('bloom')!.stages()[0], HAND_WRITTEN.BLOOM],
  [
    'three digits',
    () => new RunSplitter({ members: new CharSet({ classes: NUMBER }), max: 3 }),
    String.raw`\p{N}{1,3}`,
  ],
  [
    'three ASCII digits',
    () => new RunSplitter({ members: new CharSet({ ranges: '09' }), min: 3, max: 3 }),
    '[0-9][0-9][0-9]',
  ],
  [
    'signs after white space',
    () => new RunSplitter({ members: new CharSet({ classes: PUNCTUATION }), lead: 'whiteSpace' }),
    String.raw`\s?\p{P}+`,
  ],
  [
    'white space at the end',
    () => new RunSplitter({ members: new CharSet({ classes: WHITE_SPACE }), atEnd: true }),
    String.raw`\s+$`,
  ],
  ['thousands', () => new ThousandsSplitter(), String.raw`(?=(\d{3})+(?!\d))`],
  ['overlapping ranges', () => new RunSplitter({ members: new CharSet({ ranges: '一龥ࠀ一가퟿' }) }), '[一-龥ࠀ-一가-퟿]+'],
  ['deepseek-v3', () => new Deepseek3Splitter(), HAND_WRITTEN.DEEPSEEK3],
];

it.each(byHand)('the splitter of %s cuts as its regular expression does', (_name, make, source) => {
  const splitter = make();
  const regex = new RegexSplitter(source);
  fc.assert(
    fc.property(text, (sample) => expect(lengths(splitter, sample)).toEqual(lengths(regex, sample))),
    { numRuns: 600 },
  );
});

it.each([...PRE_TOKENIZERS.keys()])('%s cuts long runs of anything', (name) => {
  const splitter = new StagedSplitter(PRE_TOKENIZERS.get(name)!.stages());
  for (const unit of ['a', 'aB', ' ', '\n', '1', '!', '中', '\u0301', "'s", '\0']) {
    const sample = `${unit.repeat(20_000)}x`;
    expect(lengths(splitter, sample).reduce((sum, length) => sum + length, 0)).toBe(utf8Bytes(sample).length);
  }
});
