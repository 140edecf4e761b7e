const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * Many strings as one run of UTF-8 bytes: string i is `bytes[offsets[i], offsets[i + 1])`.
 * Vocabularies of 100,000 entries are read this way without making an object for each.
 */
export class PackedStrings implements Iterable<string> {
  /**
   * @param bytes the concatenated UTF-8 bytes; kept, not copied
   * @param offsets `(length + 1)` ascending byte positions in `bytes`
   */
  constructor(
    readonly bytes: Uint8Array,
    readonly offsets: Uint32Array,
  ) {}

  /** Packs an array of strings. */
  static from(strings: readonly string[]): PackedStrings {
    const encoder = new TextEncoder();
    const parts = strings.map((text) => encoder.encode(text));
    const offsets = new Uint32Array(parts.length + 1);
    parts.forEach((part, i) => (offsets[i + 1] = offsets[i] + part.length));
    const bytes = new Uint8Array(offsets[parts.length]);
    parts.forEach((part, i) => bytes.set(part, offsets[i]));
    return new PackedStrings(bytes, offsets);
  }

  get length(): number {
    return this.offsets.length - 1;
  }

  /** String i, decoded; malformed UTF-8 becomes U+FFFD. */
  at(i: number): string {
    return decoder.decode(this.bytesAt(i));
  }

  /** The bytes of string i: a view, not a copy. */
  bytesAt(i: number): Uint8Array {
    return this.bytes.subarray(this.offsets[i], this.offsets[i + 1]);
  }

  /** All strings, decoded. */
  toArray(): string[] {
    return Array.from(this);
  }

  *[Symbol.iterator](): Iterator<string> {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }
}
