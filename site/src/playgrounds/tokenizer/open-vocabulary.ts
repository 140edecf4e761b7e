import { StarlingError } from '@starling/core';
import { openGguf } from '@starling/gguf';
import { tokenizerFromGguf, type Tokenizer } from '@starling/tokenizer';
import { tokenizerFromJson } from '@starling/tokenizer/hf';
import { headerSource } from '../header-source.js';

/** A `tokenizer.json` of more bytes than this is refused: the largest of known models has 33 MB. */
const JSON_BYTES = 64 * 2 ** 20;

/**
 * The tokenizer of a file that was chosen: a GGUF model, of which only the header is read, or a `tokenizer.json`.
 * @throws StarlingError request_too_large, and what the libraries refuse files with
 */
export async function openVocabulary(file: Blob, name: string): Promise<Tokenizer> {
  const magic = await file.slice(0, 4).text();
  if (magic === 'GGUF') return tokenizerFromGguf((await openGguf(headerSource(file, name))).metadata);
  if (file.size > JSON_BYTES)
    throw new StarlingError(
      'request_too_large',
      `${name}: ${file.size} bytes, but a tokenizer.json has at most ${JSON_BYTES} here; choose a tokenizer.json or a GGUF file`,
    );
  return tokenizerFromJson(await file.text(), name);
}
