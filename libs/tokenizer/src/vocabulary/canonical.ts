import { readByteAlphabet } from '../text/byte-alphabet.js';
import type { Canonicalize } from './vocabulary.js';

const SPACE = 0x20;

/** Entries in the byte alphabet stand for bytes. */
export const byteAlphabet: Canonicalize = readByteAlphabet;

/** Entries are matched as they are. */
export const asWritten: Canonicalize = (source, start, end, target, at) => {
  for (let i = start, write = at; i < end; i++, write++) target[write] = source[i];
  return at + end - start;
};

/** Whether U+2581, SentencePiece's mark for a space, is at `at`. */
export function isSpaceMark(bytes: Uint8Array, at: number, end: number): boolean {
  return bytes[at] === 0xe2 && at + 2 < end && bytes[at + 1] === 0x96 && bytes[at + 2] === 0x81;
}

/** Entries write U+2581 for a space; one with a real space matches no text. */
export const spaceMarks: Canonicalize = (source, start, end, target, at) => {
  let write = at;
  for (let i = start; i < end; i++) {
    if (source[i] === SPACE) return -1;
    if (isSpaceMark(source, i, end)) {
      target[write++] = SPACE;
      i += 2;
    } else target[write++] = source[i];
  }
  return write;
};
