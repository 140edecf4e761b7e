import fs from 'node:fs';
import path from 'node:path';
import { StarlingError } from '@starling/core';
import { tokenizerFromJson } from './hf/tokenizer-from-json.js';
import { tokenizerFromVocabAndMerges } from './hf/vocab-and-merges.js';
import type { Tokenizer } from './tokenizer.js';

/**
 * Loads a tokenizer from files: a `tokenizer.json`, or a folder with one or with `vocab.json` and `merges.txt` (and perhaps
 * `added_tokens.json`). A folder that has both is read by its `tokenizer.json`, which says more. GGUF files are for `tokenizerFromGguf`.
 * @throws StarlingError `file_not_found` where there is nothing of that kind, `invalid_vocabulary` naming the file and the place
 */
export async function loadTokenizer(file: string): Promise<Tokenizer> {
  const stat = await fs.promises.stat(file).catch((cause: unknown) => {
    throw new StarlingError('file_not_found', `${file} does not exist`, { details: { file }, cause });
  });
  if (!stat.isDirectory()) return tokenizerFromJson(await fs.promises.readFile(file, 'utf8'), file);
  const json = path.join(file, 'tokenizer.json');
  const whole = await readIfThere(json);
  if (whole !== undefined) return tokenizerFromJson(whole, json);
  const files = {
    vocab: path.join(file, 'vocab.json'),
    merges: path.join(file, 'merges.txt'),
    added: path.join(file, 'added_tokens.json'),
  };
  const [vocab, merges, added] = await Promise.all([
    readIfThere(files.vocab),
    readIfThere(files.merges),
    readIfThere(files.added),
  ]);
  const missing = vocab === undefined ? files.vocab : merges === undefined ? files.merges : undefined;
  if (vocab === undefined || merges === undefined) {
    throw new StarlingError('file_not_found', `${missing} does not exist, and there is no tokenizer.json beside it`, {
      details: { file: missing },
    });
  }
  return tokenizerFromVocabAndMerges(vocab, merges, added, { files });
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await fs.promises.readFile(file, 'utf8');
  } catch (cause) {
    if (typeof cause === 'object' && cause !== null && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw cause;
  }
}
