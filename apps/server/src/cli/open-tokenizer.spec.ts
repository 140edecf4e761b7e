import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describeWithFixtures, fixturePath, readJsonFixture } from '../../../../tools/fixtures/fixtures.js';
import { fakeIo } from '../cli-io.test-support.js';
import { openTokenizer } from './open-tokenizer.js';

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-tokenizer-'));
afterAll(() => fs.rmSync(scratch, { recursive: true }));

function folder(name: string, files: Record<string, string>): string {
  const made = path.join(scratch, name);
  fs.mkdirSync(made);
  for (const [file, text] of Object.entries(files)) fs.writeFileSync(path.join(made, file), text);
  return made;
}

describeWithFixtures('a tokenizer', () => {
  it('is the same from a GGUF file, a tokenizer.json, and a folder with either', async () => {
    const models = [fixturePath('tokenizers', 'ggml-vocab-gpt-2.gguf'), fixturePath('tokenizers', 'gpt-2', 'tokenizer.json'), fixturePath('tokenizers', 'gpt-2')];
    const onlyJson = folder('only-json', { 'tokenizer.json': fs.readFileSync(models[1], 'utf8') });
    const lines = readJsonFixture<string[]>('tokenizers', 'stress-lines.json').slice(0, 200);
    const ids = await Promise.all(
      [...models, onlyJson].map(async (model) => {
        const tokenizer = await openTokenizer(model, fakeIo(''));
        return lines.map((line) => Array.from(tokenizer.encode(line, { parseSpecial: true })));
      }),
    );
    for (const other of ids.slice(1)) expect(other).toEqual(ids[0]);
  });
});

describe('what is no tokenizer', () => {
  it.each([
    ['half a pair', { 'vocab.json': '{}' }, 'expected vocab.json and merges.txt'],
    ['broken vocabulary', { 'vocab.json': '{"a": ', 'merges.txt': '' }, 'vocab.json'],
    ['broken json', { 'tokenizer.json': '{"model": 5}' }, 'broken json'],
  ])('is refused with its name: %s', async (name, files: Record<string, string>, mention) => {
    const made = folder(name, files);
    await expect(openTokenizer(made, fakeIo(''))).rejects.toThrow(mention);
    await expect(openTokenizer(made, fakeIo(''))).rejects.toThrow(made);
  });
});
