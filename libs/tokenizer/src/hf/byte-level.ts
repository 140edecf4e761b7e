import { CODE_POINT_OF_BYTE } from '../text/byte-alphabet.js';
import { TEXT_START } from '../text/utf8.js';
import type { NormalizedText } from './normalized-text.js';
import { rewritten, type PieceStep } from './piece-steps.js';

/** Writes each byte as the character that stands for it. */
export function toByteAlphabet(text: NormalizedText): NormalizedText {
  const result = text.successor();
  writeBytes(text, TEXT_START, text.length, result);
  return result;
}

/** As `toByteAlphabet`, for pieces of a text. */
export const bytesStep: PieceStep = (pieces) => rewritten(pieces, writeBytes);

function writeBytes(text: NormalizedText, start: number, end: number, result: NormalizedText): void {
  for (let at = start; at < end; at++) {
    result.pushCodePoint(CODE_POINT_OF_BYTE[text.bytes[at]], text.starts[at], text.ends[at]);
    if (text.isFirst(at)) result.markFirst();
  }
}
