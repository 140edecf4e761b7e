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
  expect.objectContaining({ code, message: expect.stringMatching(new RegExp(words.map((word) => `(?=.*${word.replace(/[.[\]()]/g, '\\$&')})`).join(''), 's')) });

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
    ['too few types', { token_type: new Int32Array(3) }, 'invalid_vocabulary', 'tokenizer.ggml.token_type has 3 values'],
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
    ['merges of one part', '{"model":{"type":"BPE","vocab":{"a":0},"merges":[["a"]]}}', 'model.merges[0]'],
    ['a broken regular expression', '{"pre_tokenizer":{"type":"Split","pattern":{"Regex":"(a"},"behavior":"Isolated"},"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}', 'pre_tokenizer.pattern.Regex'],
    ['a token around the text that is not there', '{"post_processor":{"type":"BertProcessing","sep":["x",7],"cls":["a",0]},"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}', 'post_processor'],
    ['an entry far beyond the others', '{"model":{"type":"BPE","vocab":{"a":0,"b":9000000},"merges":[]}}', 'ids go up to 9000000'],
    ['an unknown entry as unknown', '{"model":{"type":"Unigram","unk_id":9,"vocab":[["a",0]]}}', 'model.unk_id'],
  ])('tokenizer.json: %s', (_name, json, place) => {
    expect(() => tokenizerFromJson(json)).toThrow(error('invalid_vocabulary', place));
  });

  it.each([['normalizer'], ['pre_tokenizer'], ['post_processor'], ['decoder']])('tokenizer.json: an unknown kind of %s', (section) => {
    const json = { model: { type: 'BPE', vocab: { a: 0 }, merges: [] }, [section]: { type: 'Telepathy' } };
    expect(() => tokenizerFromJson(json)).toThrow(error('unsupported_model', section, 'Telepathy'));
  });

  it('names the file and the line of a broken merge', () => {
    expect(() => tokenizerFromVocabAndMerges('{"a":0,"b":1}', '#version: 0.2\na b\nab\n')).toThrow(error('invalid_vocabulary', 'merges.txt, line 3'));
    expect(() => tokenizerFromVocabAndMerges('{"a":-1}', '')).toThrow(error('invalid_vocabulary', 'vocab.json: a'));
    expect(() => tokenizerFromVocabAndMerges('{"a":0}', '', '[]')).toThrow(error('invalid_vocabulary', 'added_tokens.json'));
  });

  it('throws nothing but its own errors for damaged files', () => {
    const sources = goldenFiles().files.map(({ json }) => JSON.stringify(json));
    const damage = fc.record({ source: fc.constantFrom(...sources), at: fc.double({ min: 0, max: 1, noNaN: true }), cut: fc.nat(40), text: fc.constantFrom('', '0', 'null', '"x"', '[]', '{}', '-1', '1e99', ',') });
    fc.assert(
      fc.property(damage, ({ source, at, cut, text }) => {
        const start = Math.floor(at * source.length);
        try {
          tokenizerFromJson(source.slice(0, start) + text + source.slice(start + cut)).encode('the <own> world', { addSpecial: true });
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

  it('reads a folder with either form, or a file', async () => {
    const [file] = goldenFiles().files;
    const [whole, pair] = ['whole', 'pair'].map((name) => path.join(folder, name));
    fs.mkdirSync(whole);
    fs.mkdirSync(pair);
    fs.writeFileSync(path.join(whole, 'tokenizer.json'), JSON.stringify(file.json));
    fs.writeFileSync(path.join(pair, 'vocab.json'), '{"a":0,"b":1,"ab":2}');
    fs.writeFileSync(path.join(pair, 'merges.txt'), 'a b\r\n');
    expect(Array.from((await loadTokenizer(whole)).encode('Hello'))).toEqual(Array.from((await loadTokenizer(path.join(whole, 'tokenizer.json'))).encode('Hello')));
    expect(Array.from((await loadTokenizer(pair)).encode('aab'))).toEqual([0, 2]);
  });

  it('names what is not there', async () => {
    await expect(loadTokenizer(path.join(folder, 'nowhere'))).rejects.toEqual(error('file_not_found', 'nowhere'));
    fs.mkdirSync(path.join(folder, 'half'));
    fs.writeFileSync(path.join(folder, 'half/vocab.json'), '{"a":0}');
    await expect(loadTokenizer(path.join(folder, 'half'))).rejects.toEqual(error('file_not_found', 'merges.txt'));
  });
});
