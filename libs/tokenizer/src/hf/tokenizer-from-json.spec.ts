import { goldenFiles } from '../golden.test-support.js';
import { tokenizerFromJson } from './tokenizer-from-json.js';

const { texts, files } = goldenFiles();

describe.each(files.map((file) => [file.name, file] as const))('tokenizer.json: %s', (_name, file) => {
  const tokenizer = tokenizerFromJson(file.json);

  it('gives the ids of the tokenizers library', () => {
    expect(texts.map((text) => Array.from(tokenizer.encode(text, { parseSpecial: true })))).toEqual(file.ids);
  });

  it('puts the same tokens around a text', () => {
    expect(texts.map((text) => Array.from(tokenizer.encode(text, { parseSpecial: true, addSpecial: true })))).toEqual(
      file.added,
    );
  });

  it('decodes to the same text', () => {
    const hasDecoder = (file.json as { decoder: unknown }).decoder !== null;
    const decoded = file.ids.map((ids) => (hasDecoder ? tokenizer.decode(ids) : ''));
    expect(decoded).toEqual(file.decoded);
  });

  it('gives offsets inside of the text, in order', () => {
    for (const text of texts) {
      const { ids, offsets } = tokenizer.encodeWithOffsets(text, { parseSpecial: true });
      expect(Array.from(ids)).toEqual(Array.from(tokenizer.encode(text, { parseSpecial: true })));
      const length = new TextEncoder().encode(text).length;
      for (let i = 0; i < ids.length; i++) {
        expect(offsets[i * 2]).toBeLessThanOrEqual(offsets[i * 2 + 1]);
        expect(offsets[i * 2 + 1]).toBeLessThanOrEqual(length);
      }
    }
  });
});
