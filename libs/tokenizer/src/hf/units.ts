import { sequenceLength, utf8Text } from '../text/utf8.js';

/** Longer strings of ASCII are decoded as any other. */
const MAX_SHORT_BYTES = 64;

/** A text as a string, with the byte position of each of its UTF-16 units, and of its end. */
export interface Units {
  readonly string: string;
  positionOf(unit: number): number;
}

/** `bytes[start, end)` as a string. */
export function unitsOf(bytes: Uint8Array, start: number, end: number): Units {
  let ascii = start;
  while (ascii < end && bytes[ascii] < 0x80) ascii++;
  const part = bytes.subarray(start, end);
  if (ascii === end)
    return {
      string: end - start <= MAX_SHORT_BYTES ? String.fromCharCode(...part) : utf8Text(part),
      positionOf: (unit) => start + unit,
    };
  const string = utf8Text(part);
  const positions = new Uint32Array(string.length + 1);
  let unit = 0;
  for (let at = start; at < end; ) {
    const length = sequenceLength(bytes[at]);
    positions[unit++] = at;
    if (length === 4) positions[unit++] = at;
    at += length;
  }
  positions[string.length] = end;
  return { string, positionOf: (unit) => positions[unit] };
}
