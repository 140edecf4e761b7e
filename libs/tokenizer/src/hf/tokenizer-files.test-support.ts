import { describeWithFixtures, readFixture, readJsonFixture } from '../../../../tools/fixtures/fixtures.js';
import { tokenizerFromJson } from './tokenizer-from-json.js';
import { tokenizerFromVocabAndMerges } from './vocab-and-merges.js';
import type { Tokenizer } from '../tokenizer.js';

const text = (...parts: string[]): string => readFixture('tokenizers', ...parts).toString('utf8');

describeWithFixtures('Hugging Face files', () => {
  const lines = (): string[] => readJsonFixture<string[]>('tokenizers', 'stress-lines.json');

  const cases: [string, string, () => Tokenizer][] = [
    ['gpt-2', 'tokenizer.json', () => tokenizerFromJson(text('gpt-2', 'tokenizer.json'))],
    ['llama-bpe', 'tokenizer.json', () => tokenizerFromJson(text('llama-bpe', 'tokenizer.json'))],
    [
      'gpt-2',
      'vocab.json and merges.txt',
      () => tokenizerFromVocabAndMerges(text('gpt-2', 'vocab.json'), text('gpt-2', 'merges.txt')),
    ],
    [
      'llama-bpe',
      'vocab.json and merges.txt',
      () =>
        tokenizerFromVocabAndMerges(
          text('llama-bpe', 'vocab.json'),
          text('llama-bpe', 'merges.txt'),
          text('llama-bpe', 'added_tokens.json'),
        ),
    ],
  ];

  it.each(cases)('%s: %s gives the ids of the GGUF file', (name, _form, load) => {
    const tokenizer = load();
    for (const parseSpecial of [false, true]) {
      const expected = readJsonFixture<number[][]>(
        'tokenizers',
        `stress-${name}${parseSpecial ? '-special' : ''}.json`,
      );
      const wrong = lines().filter(
        (line, i) => Array.from(tokenizer.encode(line, { parseSpecial })).join() !== expected[i].join(),
      );
      expect(wrong).toEqual([]);
    }
  });

  it('Falcon cuts what was written in the byte alphabet', () => {
    const file = JSON.parse(text('gpt-2', 'tokenizer.json')) as object;
    const pretokenizers = [
      { type: 'Punctuation', behavior: 'Contiguous' },
      { type: 'ByteLevel', add_prefix_space: false, use_regex: true },
      { type: 'Digits', individual_digits: false },
      { type: 'Split', pattern: { Regex: '[0-9][0-9][0-9]' }, behavior: 'Isolated', invert: false },
    ];
    const tokenizer = tokenizerFromJson({ ...file, pre_tokenizer: { type: 'Sequence', pretokenizers } });
    expect(['über', '½', 'x²'].map((word) => Array.from(tokenizer.encode(word)))).toEqual([
      [127, 120, 527],
      [126, 121],
      [87, 126, 110],
    ]);
  });
});
