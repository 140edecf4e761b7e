const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** The UTF-8 bytes of a string; lone surrogates become U+FFFD. */
export function utf8Bytes(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The string of UTF-8 bytes; malformed sequences become U+FFFD, a byte order mark is kept. */
export function utf8Text(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** The length in bytes of the sequence that a lead byte opens (1 for a stray continuation byte). */
export function sequenceLength(lead: number): number {
  return lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/** The code point at `at`; the bytes must be valid UTF-8. */
export function codePointAt(bytes: Uint8Array, at: number): number {
  const lead = bytes[at];
  if (lead < 0x80) return lead;
  if (lead < 0xe0) return ((lead & 0x1f) << 6) | (bytes[at + 1] & 0x3f);
  if (lead < 0xf0) return ((lead & 0x0f) << 12) | ((bytes[at + 1] & 0x3f) << 6) | (bytes[at + 2] & 0x3f);
  return (
    ((lead & 0x07) << 18) | ((bytes[at + 1] & 0x3f) << 12) | ((bytes[at + 2] & 0x3f) << 6) | (bytes[at + 3] & 0x3f)
  );
}

/** Scratch that is larger than this is let go after use. */
const KEPT_SCRATCH_BYTES = 1 << 20;

/** Bytes before the text, so that a model may put a space in front of it without moving it. */
export const TEXT_START = 16;

/** Bytes behind the text, so that the last word can be read in whole parts. */
const SLACK = 16;

/** A reusable buffer for the UTF-8 bytes of one text at a time, which begin at `TEXT_START`. */
export class Utf8Scratch {
  bytes = new Uint8Array(TEXT_START + (1 << 12) + SLACK);
  private text = this.bytes.subarray(TEXT_START, TEXT_START + (1 << 12));

  /** Writes `text` and returns where it ends in `bytes`. */
  write(text: string): number {
    const room = text.length * 3;
    if (this.text.length < room) this.resize(Math.max(room, this.text.length * 2));
    return TEXT_START + encoder.encodeInto(text, this.text).written;
  }

  /** Frees a buffer that one huge text made grow. */
  release(): void {
    if (this.bytes.length > KEPT_SCRATCH_BYTES) this.resize(1 << 12);
  }

  private resize(length: number): void {
    this.bytes = new Uint8Array(TEXT_START + length + SLACK);
    this.text = this.bytes.subarray(TEXT_START, TEXT_START + length);
  }
}
