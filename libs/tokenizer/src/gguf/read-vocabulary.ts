import { PackedStrings, StarlingError } from '@starling/core';
import {
  BYTE,
  CONTROL,
  NORMAL,
  UNKNOWN,
  UNUSED,
  USER_DEFINED,
  Vocabulary,
  type Canonicalize,
} from '../vocabulary/vocabulary.js';
import type { MetadataReader } from './metadata-reader.js';

/** Attribute of each token type of the file format, by number; 0 is undefined. */
const ATTRIBUTE_OF_TYPE = [0, NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE];

/** Reads the entries, their types and their scores. */
export function readVocabulary(reader: MetadataReader, canonicalize: Canonicalize): Vocabulary {
  const listed = reader.strings('tokenizer.ggml.tokens');
  if (listed === undefined || listed.length === 0) {
    throw new StarlingError(
      'invalid_vocabulary',
      'the file has no vocabulary: tokenizer.ggml.tokens is missing or empty',
      {
        details: { key: 'tokenizer.ggml.tokens' },
      },
    );
  }
  const texts = withoutEmptyEntries(listed);
  const types = reader.numbers('tokenizer.ggml.token_type', texts.length);
  const scores = reader.numbers('tokenizer.ggml.scores', texts.length);
  const attributes = new Uint8Array(texts.length).fill(NORMAL);
  if (types !== undefined) for (let id = 0; id < texts.length; id++) attributes[id] = ATTRIBUTE_OF_TYPE[types[id]] ?? 0;
  return new Vocabulary(
    texts,
    attributes,
    scores === undefined ? new Float32Array(0) : Float32Array.from(scores),
    canonicalize,
  );
}

/** An entry without text gets a name, as every entry must differ from the others. */
function withoutEmptyEntries(texts: PackedStrings): PackedStrings {
  for (let id = 0; id < texts.length; id++) {
    if (texts.offsets[id + 1] === texts.offsets[id])
      return PackedStrings.from(texts.toArray().map((text, i) => (text === '' ? `[EMPTY_${i}]` : text)));
  }
  return texts;
}

/** The tokens that text can name: those with longer names first. */
export function partitionedTokens(vocabulary: Vocabulary): number[] {
  const { offsets } = vocabulary.texts;
  const ids: number[] = [];
  for (let id = 0; id < vocabulary.size; id++) if (vocabulary.has(id, CONTROL | USER_DEFINED | UNKNOWN)) ids.push(id);
  const length = (id: number): number => offsets[id + 1] - offsets[id];
  return ids.sort((a, b) => length(b) - length(a) || a - b);
}
