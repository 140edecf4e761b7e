/**
 * The alphabet of byte-level vocabularies: each of the 256 bytes is written as one printable character. Bytes that are printable in
 * Latin-1 stand for themselves, the others become U+0100 and up, in order (GPT-2's encoder).
 */
const printable = (byte: number): boolean =>
  (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;

/** Byte to the code point that stands for it: `(256)`. */
export const CODE_POINT_OF_BYTE = new Uint16Array(256);

/** One past the last code point of the alphabet. */
const ALPHABET_END = 0x144;

/** Code point to byte, or 0xFFFF for one outside of the alphabet: `(ALPHABET_END)`. */
const BYTE_OF_CODE_POINT = new Uint16Array(ALPHABET_END).fill(0xffff);

let shifted = 0x100;
for (let byte = 0; byte < 256; byte++) {
  const cp = printable(byte) ? byte : shifted++;
  CODE_POINT_OF_BYTE[byte] = cp;
  BYTE_OF_CODE_POINT[cp] = byte;
}

/**
 * Reads text written in the alphabet: `source[start, end)` to the bytes it stands for, written at `at` in `target` (which may be the
 * source, as the result is never longer). Returns where the result ends, or -1 if a character is not of the alphabet.
 */
export function readByteAlphabet(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  at: number,
): number {
  let write = at;
  for (let i = start; i < end; i++) {
    let cp = source[i];
    if (cp >= 0x80) {
      if (cp >= 0xe0 || i + 1 >= end) return -1;
      cp = ((cp & 0x1f) << 6) | (source[++i] & 0x3f);
    }
    if (cp >= ALPHABET_END) return -1;
    const byte = BYTE_OF_CODE_POINT[cp];
    if (byte === 0xffff) return -1;
    target[write++] = byte;
  }
  return write;
}
