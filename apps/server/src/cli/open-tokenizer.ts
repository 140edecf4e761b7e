import fs from 'node:fs';
import path from 'node:path';
import { isStarlingError, messageOf, StarlingError } from '@starling/core';
import { openGgufFile } from '@starling/gguf/node';
import { tokenizerFromGguf, tokenizerFromJson, tokenizerFromVocabAndMerges, type Tokenizer } from '@starling/tokenizer';
import type { CliIo } from './io.js';
import { locateModel } from './locate-model.js';

/**
 * The tokenizer of a GGUF file (its vocabulary alone will do), of a tokenizer.json, or of a folder with tokenizer.json or with
 * vocab.json and merges.txt.
 */
export async function openTokenizer(model: string, io: CliIo): Promise<Tokenizer> {
  if (fs.statSync(model, { throwIfNoEntry: false })?.isDirectory()) return fromFolder(model);
  const { path: file } = await locateModel(model, io, { verify: false });
  if (!looksLikeJson(file)) return fromGguf(file);
  return named(file, () => tokenizerFromJson(fs.readFileSync(file, 'utf8')));
}

async function fromGguf(file: string): Promise<Tokenizer> {
  const model = await openGgufFile(file);
  try {
    return named(file, () => tokenizerFromGguf(model.metadata));
  } finally {
    await model.close();
  }
}

function fromFolder(folder: string): Tokenizer {
  const read = (name: string) => {
    const file = path.join(folder, name);
    return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : undefined;
  };
  const vocab = read('vocab.json');
  const merges = read('merges.txt');
  if (vocab !== undefined && merges !== undefined) return named(folder, () => tokenizerFromVocabAndMerges(vocab, merges, read('added_tokens.json')));
  const whole = read('tokenizer.json');
  if (whole !== undefined) return named(folder, () => tokenizerFromJson(whole));
  throw new StarlingError('file_not_found', `${folder}: expected vocab.json and merges.txt, or tokenizer.json, in this folder`, { details: { folder } });
}

/** Tokenizer.json files start with a brace, after white space or a byte order mark at most; GGUF files do not. */
function looksLikeJson(file: string): boolean {
  const start = Buffer.alloc(16);
  const descriptor = fs.openSync(file, 'r');
  try {
    const length = fs.readSync(descriptor, start, 0, start.length, 0);
    return start.toString('utf8', 0, length).replace(/^\uFEFF/, '').trimStart().startsWith('{');
  } finally {
    fs.closeSync(descriptor);
  }
}

/** Makes errors say which file they are about. */
function named<T>(file: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!isStarlingError(error) || error.message.includes(file)) throw error;
    throw new StarlingError(error.code, `${file}: ${messageOf(error)}`, { details: { ...error.details, file }, cause: error });
  }
}
