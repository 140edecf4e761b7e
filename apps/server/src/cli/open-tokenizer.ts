import fs from 'node:fs';
import { isStarlingError, messageOf, StarlingError } from '@starling/core';
import { openGgufFile } from '@starling/gguf/node';
import { tokenizerFromGguf, type Tokenizer } from '@starling/tokenizer';
import { loadTokenizer } from '@starling/tokenizer/node';
import type { CliIo } from './io.js';
import { locateModel } from './locate-model.js';

/**
 * The tokenizer of a GGUF file (its vocabulary alone will do), of a tokenizer.json, or of a folder with tokenizer.json or with
 * vocab.json and merges.txt.
 */
export async function openTokenizer(model: string, io: CliIo): Promise<Tokenizer> {
  if (fs.statSync(model, { throwIfNoEntry: false })?.isDirectory()) return loadTokenizer(model);
  const { path: file } = await locateModel(model, io, { verify: false });
  return looksLikeJson(file) ? loadTokenizer(file) : fromGguf(file);
}

async function fromGguf(file: string): Promise<Tokenizer> {
  const model = await openGgufFile(file);
  try {
    return tokenizerFromGguf(model.metadata);
  } catch (error) {
    if (!isStarlingError(error) || error.message.includes(file)) throw error;
    throw new StarlingError(error.code, `${file}: ${messageOf(error)}`, {
      details: { ...error.details, file },
      cause: error,
    });
  } finally {
    await model.close();
  }
}

/** Tokenizer.json files start with a brace, after white space or a byte order mark at most; GGUF files do not. */
function looksLikeJson(file: string): boolean {
  const start = Buffer.alloc(16);
  const descriptor = fs.openSync(file, 'r');
  try {
    const length = fs.readSync(descriptor, start, 0, start.length, 0);
    return start
      .toString('utf8', 0, length)
      .replace(/^\uFEFF/, '')
      .trimStart()
      .startsWith('{');
  } finally {
    fs.closeSync(descriptor);
  }
}
