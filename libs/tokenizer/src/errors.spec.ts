import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { isStarlingError } from '@starling/core';
import { goldenFamilies, goldenFiles, metadataOf } from './golden.test-support.js';
import { tokenizerFromGguf } from './gguf/tokenizer-from-gguf.js';
import { tokenizerFromJson } from './hf/tokenizer-from-json.js';
import { tokenizerFromVocabAndMerges } from './hf/vocab-and-merges.js';
import { loadTokenizer } from './load-tokenizer.node.js';

const gpt2 = (): Map<string, unknown> => metadataOf(goldenFamilies().families.find(({ name }) => name === 'gpt2')!);
const error = (code: string, ...words: string[]) =>
  expect.objectContaining({
    code,
    message: expect.stringMatching(
      new RegExp(words.map((word) => `(?=.*${word.replace(/[.[\]()+]/g, '\\$&')})`).join(''), 's'),
    ),
  });

describe('metadata that is no vocabulary', () => {
  const changed = (change: Record<string, unknown>): Map<string, unknown> => {
    const metadata = gpt2();
    for (const [key, value] of Object.entries(change)) {
      if (value === undefined) metadata.delete(`tokenizer.ggml.${key}`);
      else metadata.set(`tokenizer.ggml.${key}`, value);
    }
    return metadata;
  };

  it.each([
    ['no model', { model: undefined }, 'invalid_vocabulary', 'tokenizer.ggml.model'],
    ['an unknown model', { model: 'morse' }, 'unsupported_model', 'morse'],
    ['an unknown pre-tokenizer', { pre: 'llama-99' }, 'unsupported_model', 'llama-99'],
    ['no tokens', { tokens: undefined }, 'invalid_vocabulary', 'tokenizer.ggml.tokens'],
    ['tokens of another type', { tokens: 7 }, 'invalid_vocabulary', 'tokenizer.ggml.tokens'],
    ['no merges', { merges: undefined }, 'invalid_vocabulary', 'tokenizer.ggml.merges'],
    [
      'too few types',
      { token_type: new Int32Array(3) },
      'invalid_vocabulary',
      'tokenizer.ggml.token_type has 3 values',
    ],
    ['too few scores', { scores: new Float32Array(1) }, 'invalid_vocabulary', 'tokenizer.ggml.scores'],
    ['a begin token of another type', { bos_token_id: 'one' }, 'invalid_vocabulary', 'tokenizer.ggml.bos_token_id'],
    ['a flag of another type', { add_bos_token: 1 }, 'invalid_vocabulary', 'tokenizer.ggml.add_bos_token'],
  ])('%s', (_name, change, code, words) => {
    expect(() => tokenizerFromGguf(changed(change))).toThrow(error(code, words));
  });

  it('a broken character map', () => {
    const metadata = metadataOf(goldenFamilies().families.find(({ name }) => name === 't5')!);
    for (const map of [[], [1, 2, 3], [255, 255, 255, 255, 1], [4, 0, 0, 0, 1, 2, 3, 4]]) {
      metadata.set('tokenizer.ggml.precompiled_charsmap', Uint8Array.from(map));
      expect(() => tokenizerFromGguf(metadata)).toThrow(error('invalid_vocabulary', 'map'));
    }
  });

  it('passes over special tokens outside of the vocabulary', () => {
    expect(tokenizerFromGguf(changed({ pad_token_id: 1e6, padding_token_id: 1e6 })).special.pad).toBeUndefined();
  });
});

describe('files that are no vocabulary', () => {
  it.each([
    ['cut JSON', '{"model": {"vo', 'tokenizer.json'],
    ['no model', '{}', 'tokenizer.json: model'],
    ['ids that are no numbers', '{"model":{"type":"BPE","vocab":{"a":"b"},"merges":[]}}', 'model.vocab.a'],
    [
      'two entries of one id',
      '{"model":{"type":"BPE","vocab":{"a":0,"b":0},"merges":[]}}',
      'model.vocab.b: 0 is the id of "a" already',
    ],
    [
      'an added token with the id of an entry',
      '{"added_tokens":[{"id":0,"content":"<x>"}],"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}',
      'added_tokens[0].id: 0 is the id of "a" already',
    ],
    [
      'an added token with the id of an entry (Unigram)',
      '{"added_tokens":[{"id":1,"content":"<x>"}],"model":{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0],["a",0]]}}',
      'added_tokens[0].id: 1 is the id of "a" already',
    ],
    [
      'two added tokens of one id',
      '{"added_tokens":[{"id":1,"content":"<x>"},{"id":1,"content":"<y>"}],"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}',
      'added_tokens[1].id: 1 is the id of "<x>" already',
    ],
    ['merges of one part', '{"model":{"type":"BPE","vocab":{"a":0},"merges":[["a"]]}}', 'model.merges[0]'],
    [
      'merges of one part, as text',
      '{"model":{"type":"BPE","vocab":{"a":0},"merges":["#version: 0.2","aa"]}}',
      'model.merges[1]',
    ],
    [
      'merges of three parts',
      '{"model":{"type":"BPE","vocab":{"a":0,"aa":1},"merges":["a a","a a a"]}}',
      'model.merges[1]',
    ],
    ['merges of nothing', '{"model":{"type":"BPE","vocab":{"a":0},"merges":[""]}}', 'model.merges[0]'],
    [
      'a merge of an unknown token',
      '{"model":{"type":"BPE","vocab":{"a":0},"merges":[["a","b"]]}}',
      'model.merges[0]: cannot be merged: its part "b"',
    ],
    [
      'a merge of a token that was only added',
      '{"added_tokens":[{"id":1,"content":"b"}],"model":{"type":"BPE","vocab":{"a":0},"merges":["a b"]}}',
      'model.merges[0]: cannot be merged: its part "b"',
    ],
    [
      'a merge to an unknown token',
      '{"model":{"type":"BPE","vocab":{"a":0,"b":1},"merges":["a b"]}}',
      'model.merges[0]: cannot be merged: what "a" and "b" make',
    ],
    [
      'a merge in the byte alphabet to an unknown token',
      '{"pre_tokenizer":{"type":"ByteLevel"},"model":{"type":"BPE","vocab":{"\u0120":0,"b":1},"merges":["\u0120 b"]}}',
      'model.merges[0]: cannot be merged: what "\u0120" and "b" make',
    ],
    [
      'a merge to an unknown token, without its mark',
      '{"model":{"type":"BPE","continuing_subword_prefix":"##","vocab":{"a":0,"##b":1,"a##b":2},"merges":["a ##b"]}}',
      'model.merges[0]: cannot be merged: what',
    ],
    [
      'byte pairs without merges',
      '{"model":{"type":"BPE","vocab":{"a":0}}}',
      'model.merges must be an array of merges, the best one first, but it is missing',
    ],
    ['byte pairs with null for merges', '{"model":{"type":"BPE","vocab":{"a":0},"merges":null}}', 'model.merges'],
    [
      'an unknown token that is no entry (BPE)',
      '{"model":{"type":"BPE","unk_token":"<unk>","vocab":{"a":0},"merges":[]}}',
      'model.unk_token must be an entry of the vocabulary',
    ],
    [
      'an unknown token that was only added',
      '{"added_tokens":[{"id":1,"content":"<unk>"}],"model":{"type":"BPE","unk_token":"<unk>","vocab":{"a":0},"merges":[]}}',
      'model.unk_token',
    ],
    [
      'an unknown token that is no entry (WordPiece)',
      '{"model":{"type":"WordPiece","unk_token":"[UNK]","vocab":{"a":0}}}',
      'model.unk_token must be an entry of the vocabulary',
    ],
    [
      'an unknown token that is no entry (WordLevel)',
      '{"model":{"type":"WordLevel","unk_token":"<unk>","vocab":{"a":0}}}',
      'model.unk_token must be an entry of the vocabulary',
    ],
    ['no unknown token (WordPiece)', '{"model":{"type":"WordPiece","vocab":{"a":0}}}', 'model.unk_token'],
    ['no unknown token (WordLevel)', '{"model":{"type":"WordLevel","vocab":{"a":0}}}', 'model.unk_token'],
    [
      'what becomes of matches is no known word',
      '{"pre_tokenizer":{"type":"Punctuation","behavior":"Kept"},"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}',
      'pre_tokenizer.behavior must be one of Removed',
    ],
    [
      'pieces of no character',
      '{"pre_tokenizer":{"type":"FixedLength","length":0},"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}',
      'pre_tokenizer.length',
    ],
    [
      'a delimiter of two characters',
      '{"pre_tokenizer":{"type":"CharDelimiterSplit","delimiter":"ab"},"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}',
      'pre_tokenizer.delimiter must be one character',
    ],
    [
      'a mark of two characters',
      '{"pre_tokenizer":{"type":"Metaspace","replacement":"__"},"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}',
      'pre_tokenizer.replacement must be one character',
    ],
    [
      'a mark at an unknown place',
      '{"pre_tokenizer":{"type":"Metaspace","prepend_scheme":"last"},"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}',
      'pre_tokenizer.prepend_scheme',
    ],
    [
      'a broken regular expression',
      '{"pre_tokenizer":{"type":"Split","pattern":{"Regex":"(a"},"behavior":"Isolated"},"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}',
      'pre_tokenizer.pattern.Regex',
    ],
    [
      'a token around the text that is not there',
      '{"post_processor":{"type":"BertProcessing","sep":["x",7],"cls":["a",0]},"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}',
      'post_processor',
    ],
    [
      'an entry far beyond the others',
      '{"model":{"type":"BPE","vocab":{"a":0,"b":9000000},"merges":[]}}',
      'ids go up to 9000000',
    ],
    ['an unknown entry as unknown', '{"model":{"type":"Unigram","unk_id":9,"vocab":[["a",0]]}}', 'model.unk_id'],
  ])('tokenizer.json: %s', (_name, json, place) => {
    expect(() => tokenizerFromJson(json)).toThrow(error('invalid_vocabulary', place));
  });

  it.each([['normalizer'], ['pre_tokenizer'], ['post_processor'], ['decoder']])(
    'tokenizer.json: an unknown kind of %s',
    (section) => {
      const json = { model: { type: 'BPE', vocab: { a: 0 }, merges: [] }, [section]: { type: 'Telepathy' } };
      expect(() => tokenizerFromJson(json)).toThrow(error('unsupported_model', section, 'Telepathy'));
    },
  );

  it('names the file and the line of a broken merge', () => {
    const merges = (text: string) => () => tokenizerFromVocabAndMerges('{"a":0,"b":1,"ab":2}', text);
    expect(merges('#version: 0.2\na b\nab\n')).toThrow(
      error('invalid_vocabulary', 'merges.txt, line 3: expected two parts'),
    );
    expect(merges('a b\n\na b c')).toThrow(error('invalid_vocabulary', 'merges.txt, line 3: expected two parts'));
    expect(merges('#version: 0.2\n\na c\n')).toThrow(
      error('invalid_vocabulary', 'merges.txt, line 3: cannot be merged: its part "c"'),
    );
    expect(merges('a b\r\nb a')).toThrow(
      error('invalid_vocabulary', 'merges.txt, line 2: cannot be merged: what "b" and "a" make'),
    );
    expect(() => tokenizerFromVocabAndMerges('{"a":-1}', '')).toThrow(error('invalid_vocabulary', 'vocab.json: a'));
    expect(() => tokenizerFromVocabAndMerges('{"a":0}', '', '[]')).toThrow(
      error('invalid_vocabulary', 'added_tokens.json'),
    );
    expect(() => tokenizerFromVocabAndMerges('{"a":0,"b":0}', '')).toThrow(
      error('invalid_vocabulary', 'vocab.json: b: 0 is the id of "a" already'),
    );
    expect(() => tokenizerFromVocabAndMerges('{"a":0}', '', '{"<x>":0}')).toThrow(
      error('invalid_vocabulary', 'added_tokens.json: <x>: 0 is the id of "a" already'),
    );
    expect(() => tokenizerFromVocabAndMerges('{"a":0}', '', '{"<x>":1,"<y>":1}')).toThrow(
      error('invalid_vocabulary', 'added_tokens.json: <y>: 1 is the id of "<x>" already'),
    );
    expect(() => tokenizerFromVocabAndMerges('{"a":0}', '', '{"<x>":-1}')).toThrow(
      error('invalid_vocabulary', 'added_tokens.json: <x> must be an id'),
    );
  });

  it('takes ids with gaps, and tokens that are added twice or are entries', () => {
    const model = { type: 'BPE', vocab: { a: 0, b: 4 }, merges: [] };
    const added = [
      { id: 7, content: '<x>' },
      { id: 7, content: '<x>', special: true },
      { id: 4, content: 'b' },
      { id: 0, content: 'b' },
    ];
    expect(
      Array.from(tokenizerFromJson({ added_tokens: added, model }).encode('ab<x>', { parseSpecial: true })),
    ).toEqual([0, 4, 7]);
    expect(
      Array.from(
        tokenizerFromVocabAndMerges('{"a":0,"b":4}', '', '{"b":4,"<x>":7}').encode('a<x>', { parseSpecial: true }),
      ),
    ).toEqual([0, 7]);
  });

  it('reads past a byte order mark', () => {
    const tokenizer = tokenizerFromVocabAndMerges(
      '\ufeff{"a":0,"b":1,"c":2,"ab":3,"bc":4}',
      '\ufeffa b\nb c\n',
      '\ufeff{"<x>":5}',
    );
    expect(Array.from(tokenizer.encode('abc'))).toEqual([3, 2]);
    expect(
      Array.from(tokenizerFromVocabAndMerges('{"a":0,"b":1,"ab":2}', '\ufeff#version: 0.2\na b').encode('ab')),
    ).toEqual([2]);
  });

  it('takes an unknown token that is no entry where nothing can be unknown', () => {
    const bytes = Object.fromEntries(
      Array.from({ length: 256 }, (_, byte) => [`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`, byte]),
    );
    const tokenizer = tokenizerFromJson({
      model: { type: 'BPE', unk_token: '<unk>', byte_fallback: true, vocab: bytes, merges: [] },
    });
    expect(Array.from(tokenizer.encode('a\u00e9'))).toEqual([0x61, 0xc3, 0xa9]);
  });

  describe('text that a Unigram vocabulary without an unknown token does not know', () => {
    const tokenizer = (vocab: unknown[], settings: object) =>
      tokenizerFromJson({ model: { type: 'Unigram', unk_id: null, vocab, ...settings } });

    it('is refused with the character', () => {
      const words = tokenizer(
        [
          ['a', -1],
          ['axb', -2],
        ],
        {},
      );
      expect(Array.from(words.encode('aaxb'))).toEqual([0, 1]);
      expect(() => words.encode('a\u00e9')).toThrow(error('invalid_vocabulary', 'U+00E9', 'unk_id'));
    });

    it('becomes its bytes where there are tokens for them', () => {
      const vocab = [
        ['a', -1],
        ['<0xC3>', -2],
        ['<0xA9>', -2],
      ];
      expect(Array.from(tokenizer(vocab, { byte_fallback: true }).encode('a\u00e9'))).toEqual([0, 1, 2]);
      expect(() => tokenizer(vocab, { byte_fallback: true }).encode('a\u00e8')).toThrow(
        error('invalid_vocabulary', 'U+00E8'),
      );
      expect(() => tokenizer(vocab, {}).encode('a\u00e9')).toThrow(error('invalid_vocabulary', 'U+00E9'));
    });
  });

  it('refuses a text that is too long for an expression with many ways to match', () => {
    const split = { type: 'Split', pattern: { Regex: '(?:a|b)*c' }, behavior: 'Isolated' };
    const tokenizer = tokenizerFromJson({
      pre_tokenizer: split,
      model: { type: 'WordLevel', unk_token: '<unk>', vocab: { '<unk>': 0 } },
    });
    expect(() => tokenizer.encode('ab'.repeat(5_000_000))).toThrow(
      error('invalid_argument', '10000000 characters', 'in parts'),
    );
    expect(Array.from(tokenizer.encode('abc'))).toEqual([0]);
  });

  describe('100000 levels', () => {
    const DEPTH = 100_000;
    const nested = (open: string, inner: string, close: string): string =>
      open.repeat(DEPTH) + inner + close.repeat(DEPTH);
    const model = '"model":{"type":"BPE","vocab":{"a":0},"merges":[]}';
    const deepList = nested('[', '', ']');
    const deepRecord = nested('{"a":', '0', '}');

    it.each([
      ['normalizer', 'normalizers', '{"type":"Lowercase"}'],
      ['pre_tokenizer', 'pretokenizers', '{"type":"Digits"}'],
      ['post_processor', 'processors', '{"type":"ByteLevel"}'],
      ['decoder', 'decoders', '{"type":"Fuse"}'],
    ])('of sequences are refused: %s', (section, key, inner) => {
      const text = `{"${section}":${nested(`{"type":"Sequence","${key}":[`, inner, ']}')},${model}}`;
      expect(() => tokenizerFromJson(text)).toThrow(error('invalid_vocabulary', section, 'more than 64'));
      expect(() => tokenizerFromJson(JSON.parse(text))).toThrow(error('invalid_vocabulary', section, 'more than 64'));
    });

    it.each([
      ['model.vocab', (deep: string) => `{"model":{"type":"BPE","vocab":{"a":${deep}},"merges":[]}}`],
      ['model.merges[0]', (deep: string) => `{"model":{"type":"BPE","vocab":{"a":0},"merges":[${deep}]}}`],
      ['model.vocab[0][0]', (deep: string) => `{"model":{"type":"Unigram","vocab":[[${deep},0]]}}`],
      ['model.unk_token', (deep: string) => `{"model":{"type":"BPE","unk_token":${deep},"vocab":{"a":0},"merges":[]}}`],
      ['model.type', (deep: string) => `{"model":{"type":${deep},"vocab":{"a":0},"merges":[]}}`],
      ['added_tokens[0].content', (deep: string) => `{"added_tokens":[{"id":0,"content":${deep}}],${model}}`],
      [
        'normalizer',
        (deep: string) => `{"normalizer":{"type":"Replace","pattern":{"Regex":${deep}},"content":""},${model}}`,
      ],
      ['pre_tokenizer', (deep: string) => `{"pre_tokenizer":{"type":"Split","pattern":{"String":${deep}}},${model}}`],
      [
        'post_processor',
        (deep: string) => `{"post_processor":{"type":"BertProcessing","cls":${deep},"sep":["a",0]},${model}}`,
      ],
      ['decoder', (deep: string) => `{"decoder":{"type":"Replace","pattern":${deep},"content":""},${model}}`],
    ])('of values are refused: %s', (place, file) => {
      for (const deep of [deepList, deepRecord])
        expect(() => tokenizerFromJson(file(deep))).toThrow(error('invalid_vocabulary', place));
    });

    it('that nothing reads do no harm', () => {
      expect(tokenizerFromJson(`{"truncation":${deepList},"padding":${deepRecord},${model}}`).vocabSize).toBe(1);
    });

    it('of the classic files are refused', () => {
      expect(() => tokenizerFromVocabAndMerges(deepRecord, '')).toThrow(error('invalid_vocabulary', 'vocab.json'));
      expect(() => tokenizerFromVocabAndMerges('{"a":0}', '', `{"x":${deepList}}`)).toThrow(
        error('invalid_vocabulary', 'added_tokens.json'),
      );
    });
  });

  it('throws nothing but its own errors for damaged files', () => {
    const sources = goldenFiles().files.map(({ json }) => JSON.stringify(json));
    const damage = fc.record({
      source: fc.constantFrom(...sources),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      cut: fc.nat(40),
      text: fc.constantFrom('', '0', 'null', '"x"', '[]', '{}', '-1', '1e99', ','),
    });
    fc.assert(
      fc.property(damage, ({ source, at, cut, text }) => {
        const start = Math.floor(at * source.length);
        try {
          tokenizerFromJson(source.slice(0, start) + text + source.slice(start + cut)).encode('the <own> world', {
            addSpecial: true,
          });
        } catch (thrown) {
          expect(isStarlingError(thrown)).toBe(true);
        }
      }),
      { numRuns: 400 },
    );
  });
});

describe('loadTokenizer', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-tokenizer-'));
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  it('reads a folder with either form, that with both by its tokenizer.json, or a file', async () => {
    const [file] = goldenFiles().files;
    const [whole, pair] = ['whole', 'pair'].map((name) => path.join(folder, name));
    fs.mkdirSync(whole);
    fs.mkdirSync(pair);
    fs.writeFileSync(path.join(whole, 'tokenizer.json'), JSON.stringify(file.json));
    for (const folder of [whole, pair]) {
      fs.writeFileSync(path.join(folder, 'vocab.json'), '{"a":0,"b":1,"ab":2}');
      fs.writeFileSync(path.join(folder, 'merges.txt'), 'a b\r\n');
    }
    expect(Array.from((await loadTokenizer(whole)).encode('Hello'))).toEqual(
      Array.from((await loadTokenizer(path.join(whole, 'tokenizer.json'))).encode('Hello')),
    );
    expect(Array.from((await loadTokenizer(pair)).encode('aab'))).toEqual([0, 2]);
  });

  it('names what is not there', async () => {
    await expect(loadTokenizer(path.join(folder, 'nowhere'))).rejects.toEqual(error('file_not_found', 'nowhere'));
    fs.mkdirSync(path.join(folder, 'half'));
    fs.writeFileSync(path.join(folder, 'half/vocab.json'), '{"a":0}');
    await expect(loadTokenizer(path.join(folder, 'half'))).rejects.toEqual(error('file_not_found', 'merges.txt'));
  });
});
