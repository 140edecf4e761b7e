import path from 'node:path';
import { GrammarMatcher, compileGbnf, compileRegex } from '@starling/grammar';
import { tokenizerFromVocabAndMerges } from '@starling/tokenizer/hf';
import { exampleModule } from './build/readme-example.js';
import { rewriteDocument } from './build/rewrite-document.js';
import type { SitePage } from './build/site-pages.js';
import { saySoFar } from './examples/say-script.js';
import { byteIndex } from './playgrounds/grammar/byte-vocabulary.js';
import { compileGrammar, followText } from './playgrounds/grammar/follow-text.js';
import { nextCharacters, rangeWords } from './playgrounds/grammar/next-characters.js';
import { HEADER_BYTES, headerSource } from './playgrounds/header-source.js';
import { inspectModel } from './playgrounds/gguf/inspect-model.js';
import { openVocabulary } from './playgrounds/tokenizer/open-vocabulary.js';
import { tokensOfText } from './playgrounds/tokenizer/tokens-of-text.js';

const root = path.resolve(import.meta.dirname, '../..');

describe('a document as a page', () => {
  const pages: SitePage[] = [
    { source: 'docs/api.md', route: 'guide/api', title: 'API', section: 'use' },
    { source: 'libs/gguf/README.md', route: 'libraries/gguf', title: 'gguf', section: 'libraries' },
  ];
  const rewrite = (text: string, source = 'docs/metrics.md'): string => rewriteDocument(text, { source, root, pages });

  it.each([
    [
      'links to documents lead to pages',
      '[API](api.md#a) [the](../libs/gguf)',
      '[API](/guide/api#a) [the](/libraries/gguf)',
    ],
    ['documents that are named, too', 'see `docs/api.md`', 'see [`docs/api.md`](/guide/api)'],
    [
      'sources are told by their path',
      '[ggml](../libs/gguf/src/index.ts)',
      '<span class="source-file" title="libs/gguf/src/index.ts">ggml</span>',
    ],
    ['other hosts and anchors stay', '[a](https://a.example) [b](#b)', '[a](https://a.example) [b](#b)'],
    ['braces are text', '{{ x }} and `{{ y }}`', '&#123;&#123; x }} and `{{ y }}`'],
    ['code stays', '```md\n[API](api.md) {{\n```\n', '```md\n[API](api.md) {{\n```\n'],
  ])('%s', (_, text, page) => expect(rewrite(text)).toBe(page));

  it('refuses links that lead nowhere', () => {
    expect(() => rewrite('[x](gone.md)')).toThrow(
      expect.objectContaining({ code: 'invalid_argument', message: expect.stringContaining('docs/gone.md') }),
    );
  });

  it('makes a module of an example', () => {
    expect(exampleModule("# x\n```ts\nimport { a } from 'a';\n\nconsole.log(a);\n```\n")).toBe(
      "import { a } from 'a';\n\nexport async function run(console: { log(...values: unknown[]): void }): Promise<void> {\n\nconsole.log(a);\n}\n",
    );
    expect(exampleModule('# x\n')).toBeUndefined();
  });
});

describe('the grammar playground', () => {
  const { signal } = new AbortController();
  const wordsAfter = (text: string, grammar = compileGbnf(text)): string[] => {
    const steps = nextCharacters(new GrammarMatcher(grammar, byteIndex));
    for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return step.value.map(rangeWords);
  };

  it.each([
    ['root ::= [a-cx]', ['a to c', 'x']],
    ['root ::= [äöß日\u{1f426}]', ['ß', 'ä', 'ö', 'U+65E5', 'U+1F426']],
    ['root ::= [ \\n\\t]', ['tab line break', 'space']],
    ['root ::= [α-ω]', ['α to ω']],
  ])('tells which characters may come: %s', (grammar, words) => expect(wordsAfter(grammar)).toEqual(words));

  it('tells large sets coarsely, and misses none of their beginnings', () => {
    expect(wordsAfter('', compileRegex('[^a]'))).toEqual(
      expect.arrayContaining(['U+0000 to `', expect.stringMatching(/to U\+10FFFF, or some of it$/)]),
    );
  });

  it('says where a text stops to match, also within a character of several bytes', async () => {
    const grammar = await compileGrammar('gbnf', 'root ::= "a" [äö] "z"?', signal);
    expect(await followText(grammar, 'aüz', signal)).toMatchObject({
      matched: 1,
      canEnd: false,
      isDone: false,
      next: [{ first: 0xe4 }, { first: 0xf6 }],
    });
    expect(await followText(grammar, 'aä', signal)).toMatchObject({ matched: 2, canEnd: true, isDone: false });
    expect(await followText(grammar, 'aäzz', signal)).toMatchObject({ matched: 3, isDone: true, next: [] });
    await expect(compileGrammar('schema', '{', signal)).rejects.toMatchObject({ code: 'invalid_json' });
  });
});

describe('files that somebody drops', () => {
  it('are read no further than a header goes', async () => {
    const huge = {
      size: 2 ** 40,
      slice: (from: number, to: number) => new Blob([new Uint8Array(to - from)]),
    } as unknown as Blob;
    const source = headerSource(huge, 'huge.gguf');
    await source.read(2 ** 39, new Uint8Array(1000));
    expect(source.bytesRead).toBe(1000);
    await expect(source.read(0, { length: HEADER_BYTES } as Uint8Array)).rejects.toMatchObject({
      code: 'invalid_model_file',
    });
  });

  it('are refused by name where they are no models and no vocabularies', async () => {
    const cut = new Blob([Uint8Array.of(0x47, 0x47, 0x55, 0x46, 3, 0, 0, 0, 255, 255, 255, 255)]);
    await expect(inspectModel(cut, 'cut.gguf')).rejects.toMatchObject({
      code: 'invalid_model_file',
      message: expect.stringContaining('cut.gguf'),
    });
    await expect(openVocabulary(cut, 'cut.gguf')).rejects.toMatchObject({ code: 'invalid_model_file' });
    await expect(openVocabulary(new Blob(['{}']), 'mine.json')).rejects.toMatchObject({
      code: 'invalid_vocabulary',
      message: expect.stringContaining('mine.json'),
    });
  });
});

describe('the example of scripted answers', () => {
  it('gives the last of so many answers, and tells what is no script', async () => {
    const script = '["Hello!", {"error": "queue_full"}]';
    expect(await saySoFar(script, 1)).toMatchObject({ message: { content: 'Hello!' } });
    expect(await saySoFar(script, 2)).toMatchObject({ refusal: { code: 'queue_full' } });
    expect(await saySoFar(script, 3)).toMatchObject({ refusal: { code: 'invalid_request' } });
    for (const text of ['[', '{}', '[1]'])
      await expect(saySoFar(text, 1)).rejects.toMatchObject({ code: 'invalid_argument' });
  });
});

describe('the tokenizer playground', () => {
  it('gives a character that is several tokens to the first of them', () => {
    const letters = Object.fromEntries(['Ã', '¤', 'a'].map((letter, id) => [letter, id]));
    const { tokens, count, bytes, roundTrip } = tokensOfText(
      tokenizerFromVocabAndMerges(JSON.stringify(letters), ''),
      'äa',
      { addSpecial: false, parseSpecial: false },
    );
    expect(tokens.map(({ id, text, start, end }) => [id, text, start, end])).toEqual([
      [0, 'ä', 0, 1],
      [1, '', 1, 2],
      [2, 'a', 2, 3],
    ]);
    expect([count, bytes, roundTrip]).toEqual([3, 3, true]);
  });
});
