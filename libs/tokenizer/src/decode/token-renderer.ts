import { StarlingError } from '@starling/core';
import { isSpaceMark } from '../vocabulary/canonical.js';
import { BYTE, CONTROL, NORMAL, UNKNOWN, USER_DEFINED, type Vocabulary } from '../vocabulary/vocabulary.js';

/** What a decoder needs to know of its tokenizer. */
export interface DecodeSource {
  /** The bytes of a token in a text that shows special tokens. Throws `invalid_argument` for an id outside of the vocabulary. */
  bytesOf(id: number): Uint8Array;
  /** Whether a token is left out where special tokens are not shown. */
  isSpecial(id: number): boolean;
}

/** What an ordinary entry of a vocabulary is written as: its canonical bytes; its text with spaces for U+2581; its text. */
export type EntryNotation = 'canonical' | 'spaceMarks' | 'plain';

const NOTHING = new Uint8Array(0);

/** @throws StarlingError `invalid_argument` for an id outside of the vocabulary */
export function checkTokenId(vocabulary: Vocabulary, id: number): void {
  if (id >>> 0 === id && id < vocabulary.size) return;
  throw new StarlingError(
    'invalid_argument',
    `token ${id} is not in the vocabulary, which has ids from 0 to ${vocabulary.size - 1}`,
    {
      details: { id, vocabSize: vocabulary.size },
    },
  );
}

/** The bytes that each token is in a text. */
export class TokenRenderer implements DecodeSource {
  constructor(
    private readonly vocabulary: Vocabulary,
    private readonly notation: EntryNotation,
  ) {}

  bytesOf(id: number): Uint8Array {
    const { vocabulary } = this;
    checkTokenId(vocabulary, id);
    const kind = vocabulary.attributes[id];
    if ((kind & (CONTROL | UNKNOWN | USER_DEFINED)) !== 0) return vocabulary.texts.bytesAt(id);
    if ((kind & NORMAL) !== 0) return this.entryBytes(id);
    return (kind & BYTE) !== 0 ? (bytesOfByteToken(vocabulary.texts.at(id)) ?? NOTHING) : NOTHING;
  }

  isSpecial(id: number): boolean {
    return this.vocabulary.has(id, CONTROL | UNKNOWN);
  }

  private entryBytes(id: number): Uint8Array {
    const { bytes, offsets, texts } = this.vocabulary;
    const text = texts.bytesAt(id);
    if (this.notation === 'plain') return text;
    if (this.notation === 'spaceMarks') return withSpaces(text);
    return offsets[id + 1] > offsets[id] ? bytes.subarray(offsets[id], offsets[id + 1]) : text;
  }
}

function withSpaces(text: Uint8Array): Uint8Array {
  if (!text.includes(0x96)) return text;
  const result = new Uint8Array(text.length);
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const marked = isSpaceMark(text, i, text.length);
    result[length++] = marked ? 0x20 : text[i];
    if (marked) i += 2;
  }
  return result.subarray(0, length);
}

/** The byte of an entry like `<0x0A>`. */
export function bytesOfByteToken(text: string): Uint8Array | undefined {
  return /^<0x[0-9A-Fa-f]{2}>$/.test(text) ? Uint8Array.of(parseInt(text.slice(3, 5), 16)) : undefined;
}
