const APOSTROPHE = 0x27;

/** The long s, U+017F, byte for byte. */
const LONG_S = [0xc5, 0xbf];

/** Which letters after an apostrophe make a piece: as written in lower case, in any case, or all that fold to them, as the long s does. */
export type ContractionCase = 'lower' | 'any' | 'folded';

/** The length in bytes of `'s 't 'm 'd 're 've 'll` at `at`, or 0. */
export function contractionLength(bytes: Uint8Array, at: number, end: number, letterCase: ContractionCase): number {
  if (bytes[at] !== APOSTROPHE || at + 1 >= end) return 0;
  if (letterCase === 'folded' && at + 2 < end && bytes[at + 1] === LONG_S[0] && bytes[at + 2] === LONG_S[1])
    return 1 + LONG_S.length;
  const fold = letterCase === 'lower' ? 0 : 0x20;
  const first = foldLetter(bytes[at + 1], fold);
  if (first === 0x73 || first === 0x74 || first === 0x6d || first === 0x64) return 2;
  if (at + 2 >= end) return 0;
  const second = foldLetter(bytes[at + 2], fold);
  if ((first === 0x72 || first === 0x76) && second === 0x65) return 3;
  return first === 0x6c && second === 0x6c ? 3 : 0;
}

function foldLetter(byte: number, fold: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | fold : byte;
}
