import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
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

describe('what is no tokenizer', () => {
  it.each([
    ['half a pair', { 'vocab.json': '{}' }, 'merges.txt does not exist, and there is no tokenizer.json beside it'],
    ['broken vocabulary', { 'vocab.json': '{"a": ', 'merges.txt': '' }, 'vocab.json'],
    ['broken json', { 'tokenizer.json': '{"model": 5}' }, 'broken json'],
  ])('is refused with its name: %s', async (name, files: Record<string, string>, mention) => {
    const made = folder(name, files);
    await expect(openTokenizer(made, fakeIo(''))).rejects.toThrow(mention);
    await expect(openTokenizer(made, fakeIo(''))).rejects.toThrow(made);
  });
});
