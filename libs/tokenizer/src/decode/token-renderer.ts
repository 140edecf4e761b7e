import { StarlingError } from '@starling/core';
import { utf8Bytes } from '../text/utf8.js';
import { isSpaceMark } from '../vocabulary/canonical.js';
import { BYTE, CONTROL, NORMAL, UNKNOWN, USER_DEFINED, type Vocabulary } from '../vocabulary/vocabulary.js';

/**
 * What an ordinary entry of a vocabulary is written as: its canonical bytes; its text with spaces for U+2581; its text; its text after a
 * space, but for parts that a mark says go on with a word; its text, with a space for the mark that ends a word.
 */
export type EntryNotation = 'canonical' | 'spaceMarks' | 'plain' | 'wordParts' | 'wordEnds';

/** How words are put together again, for the notations that mark their parts or ends. */
export interface WordRules {
  readonly mark: string;
  readonly attachesPunctuation: boolean;
}

/** Entries that begin so have no space before them. */
const ATTACHED = /^(?:[.?!,]|n't|'(?:m|s|ve|re))/;

const NOTHING = new Uint8Array(0);

/** The bytes that each token is in a text. */
export class TokenRenderer {
  constructor(
    private readonly vocabulary: Vocabulary,
    private readonly notation: EntryNotation,
    private readonly words: WordRules = { mark: '', attachesPunctuation: false },
  ) {}

  /** The bytes of a token in a text that shows special tokens. */
  bytesOf(id: number): Uint8Array {
    const { vocabulary } = this;
    if (id >>> 0 !== id || id >= vocabulary.size) {
      throw new StarlingError('invalid_argument', `token ${id} is not in the vocabulary, which has ids from 0 to ${vocabulary.size - 1}`, {
        details: { id, vocabSize: vocabulary.size },
      });
    }
    const kind = vocabulary.attributes[id];
    if ((kind & (CONTROL | UNKNOWN | USER_DEFINED)) !== 0) return this.notation === 'wordParts' ? this.wordPart(vocabulary.texts.at(id)) : vocabulary.texts.bytesAt(id);
    if ((kind & NORMAL) !== 0) return this.entryBytes(id);
    return (kind & BYTE) !== 0 ? byteOf(vocabulary.texts.at(id)) : NOTHING;
  }

  /** Whether a token is left out where special tokens are not shown. */
  isSpecial(id: number): boolean {
    return this.vocabulary.has(id, CONTROL | UNKNOWN);
  }

  private entryBytes(id: number): Uint8Array {
    const { bytes, offsets, texts } = this.vocabulary;
    const text = texts.bytesAt(id);
    if (this.notation === 'plain') return text;
    if (this.notation === 'spaceMarks') return withSpaces(text);
    if (this.notation === 'wordParts') return this.wordPart(texts.at(id));
    if (this.notation === 'wordEnds') return utf8Bytes(texts.at(id).replaceAll(this.words.mark, ' '));
    return offsets[id + 1] > offsets[id] ? bytes.subarray(offsets[id], offsets[id + 1]) : text;
  }

  private wordPart(text: string): Uint8Array {
    const { mark, attachesPunctuation } = this.words;
    if (text.startsWith(mark)) return utf8Bytes(text.slice(mark.length));
    return utf8Bytes(attachesPunctuation && ATTACHED.test(text) ? text : ` ${text}`);
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
function byteOf(text: string): Uint8Array {
  const value = parseInt(text.slice(3, 5), 16);
  return Number.isNaN(value) ? NOTHING : Uint8Array.of(value);
}
