// What else needs the golden data of this library: one skipped test for both without them.
import '../hf/tokenizer-files.test-support.js';
import { describeWithFixtures, readFixture, readJsonFixture } from '../../../../tools/fixtures/fixtures.js';
import { ggufMetadata } from './gguf-metadata.test-support.js';
import { tokenizerFromGguf } from './tokenizer-from-gguf.js';

const VOCABULARIES = ['llama-bpe', 'llama-spm', 'gpt-2', 'qwen2', 'phi-3', 'deepseek-llm', 'bert-bge'];

describeWithFixtures('GGUF vocabularies', () => {
  const lines = (): string[] => readJsonFixture<string[]>('tokenizers', 'stress-lines.json');

  describe.each(VOCABULARIES)('%s', (name) => {
    const tokenizer = tokenizerFromGguf(ggufMetadata(readFixture('tokenizers', `ggml-vocab-${name}.gguf`)));

    it('gives the ids of the .inp/.out pairs', () => {
      const texts = readFixture('tokenizers', `ggml-vocab-${name}.gguf.inp`)
        .toString('utf8')
        .split('\n__ggml_vocab_test__\n')
        .slice(0, -1);
      const expected = readFixture('tokenizers', `ggml-vocab-${name}.gguf.out`)
        .toString('utf8')
        .split('\n')
        .slice(0, texts.length);
      expect(texts.map((text) => Array.from(tokenizer.encode(text)).join(' '))).toEqual(
        expected.map((line) => line.trim()),
      );
    });

    it.each([false, true])('gives the ids of the stress lines (parseSpecial %s)', (parseSpecial) => {
      const expected = readJsonFixture<number[][]>(
        'tokenizers',
        `stress-${name}${parseSpecial ? '-special' : ''}.json`,
      );
      const wrong = lines().filter(
        (line, i) => Array.from(tokenizer.encode(line, { parseSpecial })).join() !== expected[i].join(),
      );
      expect(wrong).toEqual([]);
    });
  });
});
