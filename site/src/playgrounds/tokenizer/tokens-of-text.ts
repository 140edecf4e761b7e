import type { Tokenizer } from '@starling/tokenizer';

/** A token of a text, as it is shown. */
export interface ShownToken {
  readonly id: number;
  /** The vocabulary's own entry. */
  readonly piece: string;
  /** The characters of the text that begin in this token: none for what was added, or for the rest of a character. */
  readonly text: string;
  /** First byte of the text in UTF-8, and the byte after the last. */
  readonly start: number;
  readonly end: number;
  /** The bytes that it stands for in generated text, in hexadecimal. */
  readonly bytes: string;
  readonly isControl: boolean;
}

export interface TokenizedText {
  readonly tokens: readonly ShownToken[];
  readonly count: number;
  readonly bytes: number;
  readonly roundTrip: boolean;
}

/** Tokens beyond this many are counted, and not shown: a page has room for so many elements. */
export const MOST_SHOWN = 2000;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Cuts a text into tokens, and tells which of its characters each stands for. */
export function tokensOfText(
  tokenizer: Tokenizer,
  text: string,
  options: { readonly addSpecial: boolean; readonly parseSpecial: boolean },
): TokenizedText {
  const utf8 = encoder.encode(text);
  const { ids, offsets } = tokenizer.encodeWithOffsets(text, options);
  const tokens = Array.from(ids.subarray(0, MOST_SHOWN), (id, i): ShownToken => {
    const start = offsets[2 * i];
    const end = offsets[2 * i + 1];
    return {
      id,
      piece: tokenizer.tokenText(id),
      text: decoder.decode(utf8.subarray(nextCharacter(utf8, start), nextCharacter(utf8, end))),
      start,
      end,
      bytes: Array.from(tokenizer.tokenBytes(id), (byte) => byte.toString(16).padStart(2, '0')).join(' '),
      isControl: tokenizer.isControl(id),
    };
  });
  return {
    tokens,
    count: ids.length,
    bytes: utf8.length,
    roundTrip: tokenizer.decode(tokenizer.encode(text)) === text,
  };
}

/** Where the first character begins at a byte or behind it. */
function nextCharacter(utf8: Uint8Array, from: number): number {
  let at = from;
  while (at < utf8.length && (utf8[at] & 0xc0) === 0x80) at++;
  return at;
}
