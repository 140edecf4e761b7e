import { codePointAt, sequenceLength } from '../text/utf8.js';

/** The class bits of the character at `at`. */
export function classAt(classes: Uint8Array, bytes: Uint8Array, at: number): number {
  const lead = bytes[at];
  return classes[lead < 0x80 ? lead : codePointAt(bytes, at)];
}

/** Where the run of characters with any of `bits` ends that starts at `start`. */
export function runOf(classes: Uint8Array, bits: number, bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end) {
    const lead = bytes[at];
    if (lead < 0x80) {
      if ((classes[lead] & bits) === 0) return at;
      at++;
    } else {
      if ((classes[codePointAt(bytes, at)] & bits) === 0) return at;
      at += sequenceLength(lead);
    }
  }
  return at;
}

/** Where the run of characters with none of `bits` ends that starts at `start`. */
export function runOfNot(classes: Uint8Array, bits: number, bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end) {
    const lead = bytes[at];
    if (lead < 0x80) {
      if ((classes[lead] & bits) !== 0) return at;
      at++;
    } else {
      if ((classes[codePointAt(bytes, at)] & bits) !== 0) return at;
      at += sequenceLength(lead);
    }
  }
  return at;
}

/** Whether a byte is a letter by itself. */
export function isAsciiLetter(byte: number): boolean {
  return ((byte | 0x20) - 0x61) >>> 0 < 26;
}
