import { LETTER, NUMBER, PUNCTUATION, WHITE_SPACE } from '../text/char-class.js';
import { CharSet, type CharSetParts } from './char-set.js';
import { AFMOE_SCRIPTS, CHINESE_AND_KANA, CHINESE_AND_MORE, DEEPSEEK_LETTERS } from './char-ranges.table.js';
import { Cl100kSplitter } from './cl100k-splitter.js';
import { Deepseek3Splitter } from './deepseek3-splitter.js';
import { DigitGroupSplitter } from './digit-group-splitter.js';
import { Gpt2Splitter } from './gpt2-splitter.js';
import { KimiSplitter } from './kimi-splitter.js';
import { LineSplitter } from './line-splitter.js';
import { O200kSplitter } from './o200k-splitter.js';
import { PATTERNS } from './patterns.table.js';
import { RegexSplitter } from './regex-splitter.js';
import { RunSplitter } from './run-splitter.js';
import type { Splitter } from './splitter.js';
import { ThousandsSplitter } from './thousands-splitter.js';

/** How one family of byte-pair vocabularies cuts text, and what else goes with its name. */
export interface PreTokenizer {
  /** Makes the splitters, each of which cuts the pieces of the one before. */
  readonly stages: () => Splitter[];
  /** A word that is an entry is that token. */
  readonly ignoreMerges?: true;
  readonly addBos?: true;
  /** Spaces are written U+2581 and characters beyond the vocabulary as `<0xNN>`, as SentencePiece does. */
  readonly spaceMarks?: true;
  /** Entries are plain UTF-8, not the byte alphabet. */
  readonly plainText?: true;
  /** `addBos` whatever the metadata says. */
  readonly forcesBos?: true;
  /** No default begin token. */
  readonly noBos?: true;
  /** A word of line ends alone that is an entry is that token. */
  readonly wholeLineEnds?: true;
  /** Decoded text keeps the spaces before punctuation. */
  readonly keepsSpaces?: true;
}

const regex = (source: string): Splitter => new RegexSplitter(source);
const gpt2 = (): Splitter => new Gpt2Splitter();
const llama3 = (): Splitter => new Cl100kSplitter({ maxDigits: 3 });
const qwen2 = (): Splitter => new Cl100kSplitter({ maxDigits: 1 });

const digits = (max: number): Splitter => new RunSplitter({ members: new CharSet({ classes: NUMBER }), max });
const threeAsciiDigits = (): Splitter => new RunSplitter({ members: new CharSet({ ranges: '09' }), min: 3, max: 3 });
const lineEnds = (): Splitter => new RunSplitter({ members: new CharSet({ characters: '\r\n' }), max: 1 });
const runs = (ranges: string): Splitter => new RunSplitter({ members: new CharSet({ ranges }) });
const signs = (characters: string): Splitter =>
  new RunSplitter({ members: new CharSet({ classes: PUNCTUATION, characters }) });
const afterSpace = (members: CharSetParts): Splitter =>
  new RunSplitter({ members: new CharSet(members), lead: 'whiteSpace' });
const bloom = (): Splitter =>
  new RunSplitter({
    members: new CharSet({ classes: WHITE_SPACE, characters: '(|.,!?…。，、।۔،)', negated: true }),
    lead: 'space',
  });

const GPT2: PreTokenizer = { stages: () => [gpt2()] };
const LLAMA3: PreTokenizer = { stages: () => [llama3()], ignoreMerges: true, addBos: true };
const PLAIN_LLAMA3: PreTokenizer = { stages: () => [llama3()] };
const QWEN2: PreTokenizer = { stages: () => [qwen2()], keepsSpaces: true };
const STARCODER: PreTokenizer = { stages: () => [digits(1), gpt2()] };
const BLOOM: PreTokenizer = { stages: () => [bloom()] };
const DEEPSEEK3: PreTokenizer = {
  stages: () => [digits(3), runs(CHINESE_AND_KANA), new Deepseek3Splitter()],
  keepsSpaces: true,
};
const GPT4O: PreTokenizer = {
  stages: () => [new O200kSplitter({ maxDigits: 3, shortForms: true, marksAreLetters: false, cutsCase: true })],
  keepsSpaces: true,
};
const TINY_AYA: PreTokenizer = {
  stages: () => [
    new DigitGroupSplitter(),
    new O200kSplitter({ maxDigits: 3, shortForms: true, marksAreLetters: true, cutsCase: false }),
  ],
  keepsSpaces: true,
};
const GEMMA4: PreTokenizer = {
  stages: () => [new LineSplitter()],
  spaceMarks: true,
  plainText: true,
  forcesBos: true,
  wholeLineEnds: true,
};

const named = (names: string, preTokenizer: PreTokenizer): [string, PreTokenizer][] =>
  names.split(' ').map((name) => [name, preTokenizer]);

/** Every name that `tokenizer.ggml.pre` may have. */
export const PRE_TOKENIZERS: ReadonlyMap<string, PreTokenizer> = new Map([
  ...named('default', {
    stages: () => [signs('$+<=>^~|'), gpt2(), digits(Infinity), threeAsciiDigits()],
  }),
  ...named('llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano', LLAMA3),
  ...named('dbrx smaug-bpe', PLAIN_LLAMA3),
  ...named('glm4 chatglm-bpe', { ...PLAIN_LLAMA3, noBos: true }),
  ...named('jais-2', { stages: () => [regex(PATTERNS.JAIS2)] }),
  ...named('minicpm5', { stages: () => [digits(3), new Cl100kSplitter({ maxDigits: Infinity })], ignoreMerges: true }),
  ...named('deepseek-llm', {
    stages: () => [
      lineEnds(),
      afterSpace({ characters: DEEPSEEK_LETTERS.characters, ranges: DEEPSEEK_LETTERS.ranges }),
      afterSpace({ ranges: '!/:~！／：～‘‟\u3000。' }),
      new RunSplitter({ members: new CharSet({ classes: WHITE_SPACE }), atEnd: true }),
      runs(CHINESE_AND_MORE),
      digits(Infinity),
    ],
    keepsSpaces: true,
  }),
  ...named('deepseek-coder', {
    stages: () => [
      lineEnds(),
      afterSpace({ classes: LETTER }),
      afterSpace({ classes: PUNCTUATION }),
      runs(CHINESE_AND_MORE),
      digits(1),
    ],
    keepsSpaces: true,
  }),
  ...named('deepseek-v3 hunyuan-dense joyai-llm hy_v4', DEEPSEEK3),
  ...named('spark2_5', {
    stages: () => [digits(3), runs(CHINESE_AND_KANA), regex(PATTERNS.SPARK2_5), digits(1)],
    keepsSpaces: true,
  }),
  ...named('youtu', {
    stages: () => [regex(PATTERNS.YOUTU_CJK), regex(PATTERNS.YOUTU)],
    ignoreMerges: true,
    keepsSpaces: true,
  }),
  ...named('falcon', { stages: () => [signs('$+<=>^~|`'), gpt2(), threeAsciiDigits()] }),
  ...named('starcoder refact codeshell exaone minerva-7b mellum2', STARCODER),
  ...named('command-r smollm', { ...STARCODER, keepsSpaces: true }),
  ...named('gpt-2 phi-2 jina-es jina-de gigachat jina-v2-es jina-v2-de a.x-4.0 mellum modern-bert', GPT2),
  ...named('jina-v1-en jina-v2-code roberta-bpe mpt olmo jais exaone4', GPT2),
  ...named('trillion granite-docling', { ...GPT2, keepsSpaces: true }),
  ...named('qwen2 deepseek-r1-qwen kormo f2llmv2 hunyuan solar-open grok-2 bailingmoe bailingmoe2 llada-moe', QWEN2),
  ...named('stablelm2 megrez', { stages: () => [qwen2()] }),
  ...named('qwen35', {
    stages: () => [new Cl100kSplitter({ maxDigits: 1, marksAreLetters: true })],
    keepsSpaces: true,
  }),
  ...named('laguna', { stages: () => [new LineSplitter(), qwen2()], keepsSpaces: true }),
  ...named('poro-chat', { ...BLOOM, keepsSpaces: true }),
  ...named('bloom gpt3-finnish', BLOOM),
  ...named('viking', { stages: () => [bloom(), digits(1)], keepsSpaces: true }),
  ...named('tekken', {
    stages: () => [new O200kSplitter({ maxDigits: 1, shortForms: false, marksAreLetters: false, cutsCase: true })],
    ignoreMerges: true,
    addBos: true,
    keepsSpaces: true,
  }),
  ...named('chameleon', {
    stages: () => [
      regex('<sentinel:[0-9]+>'),
      regex('(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z'),
      regex(String.raw`([\t\n]|    |  )`),
      digits(1),
      regex(PATTERNS.CHAMELEON_PUNCTUATION),
      gpt2(),
    ],
    addBos: true,
    keepsSpaces: true,
  }),
  ...named('gpt-4o llama4 kanana2 talkie minimax-m2', GPT4O),
  ...named('granite-embed-multi-97m', {
    stages: () => [new O200kSplitter({ maxDigits: 3, shortForms: true, marksAreLetters: true, cutsCase: true })],
    ignoreMerges: true,
    keepsSpaces: true,
  }),
  ...named('tiny_aya cohere2moe', TINY_AYA),
  ...named('kimi-k2', { stages: () => [new KimiSplitter()], keepsSpaces: true }),
  ...named('superbpe', { stages: () => [digits(Infinity), new ThousandsSplitter()], keepsSpaces: true }),
  ...named('seed-coder', {
    stages: () => [new Cl100kSplitter({ maxDigits: 1, signsTakeNoLineEnds: true })],
    keepsSpaces: true,
  }),
  ...named('ufakzeka', {
    stages: () => [new Cl100kSplitter({ maxDigits: 1, keepsShortForms: true })],
    keepsSpaces: true,
  }),
  ...named('afmoe', {
    stages: () => [new DigitGroupSplitter(), runs(AFMOE_SCRIPTS), new Deepseek3Splitter()],
    keepsSpaces: true,
  }),
  ...named('exaone-moe', { stages: () => [regex(PATTERNS.EXAONE_MOE)] }),
  ...named('gemma4 granite-embed-multi-311m', GEMMA4),
  ...named('sarvam-moe', { stages: () => [new LineSplitter()], spaceMarks: true, plainText: true, keepsSpaces: true }),
  ...named('whitespace', {
    stages: () => [new RunSplitter({ members: new CharSet({ classes: WHITE_SPACE, negated: true }) })],
    plainText: true,
  }),
]);
