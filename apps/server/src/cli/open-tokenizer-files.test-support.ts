import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describeWithFixtures, fixturePath, readJsonFixture } from '../../../../tools/fixtures/fixtures.js';
import { fakeIo } from '../cli-io.test-support.js';
import { openTokenizer } from './open-tokenizer.js';

describeWithFixtures('a tokenizer', () => {
  it('is the same from a GGUF file, a tokenizer.json, and a folder with either', async () => {
    const models = [
      fixturePath('tokenizers', 'ggml-vocab-gpt-2.gguf'),
      fixturePath('tokenizers', 'gpt-2', 'tokenizer.json'),
      fixturePath('tokenizers', 'gpt-2'),
    ];
    const onlyJson = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-tokenizer-'));
    fs.copyFileSync(models[1], path.join(onlyJson, 'tokenizer.json'));
    const lines = readJsonFixture<string[]>('tokenizers', 'stress-lines.json').slice(0, 200);
    const ids = await Promise.all(
      [...models, onlyJson].map(async (model) => {
        const tokenizer = await openTokenizer(model, fakeIo(''));
        return lines.map((line) => Array.from(tokenizer.encode(line, { parseSpecial: true })));
      }),
    );
    fs.rmSync(onlyJson, { recursive: true });
    for (const other of ids.slice(1)) expect(other).toEqual(ids[0]);
  });
});
