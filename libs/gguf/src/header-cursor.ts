import type { ByteSource } from './byte-source.js';
import { invalidFile } from './file-error.js';
import { LIMITS } from './limits.js';

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const DEFAULT_CHUNK_BYTES = 1 << 20;

/**
 * Walks forward through the header of a file with a window of bytes in memory.
 *
 * Invariant: `window` holds the bytes `[windowStart, windowStart + window.length)` of the source and `position` lies in it or at
 * its end. Reading needs `has(n)` first, and `await fill(n)` where that is false: so runs of small values are read without waiting.
 */
export class HeaderCursor {
  window = new Uint8Array(0);
  littleEndian = true;
  #view = new DataView(this.window.buffer);
  #windowStart = 0;
  /** Index of the next byte in the window. */
  index = 0;

  constructor(readonly source: ByteSource) {}

  /** Place of the next byte in the file. */
  get position(): number {
    return this.#windowStart + this.index;
  }

  /** Bytes of the file from here on. */
  get remaining(): number {
    return this.source.size - this.position;
  }

  /** True if the next `count` bytes are in the window. */
  has(count: number): boolean {
    return this.index + count <= this.window.length;
  }

  /**
   * Brings the next `count` bytes into the window, and what a chunk holds beyond them.
   * @param what names the thing for the message if the file ends before
   */
  async fill(count: number, what: string): Promise<void> {
    if (this.has(count)) return;
    this.#check(count, what);
    const start = this.position;
    const wanted = Math.min(Math.max(count, this.source.chunkBytes ?? DEFAULT_CHUNK_BYTES), this.source.size - start);
    const next = new Uint8Array(wanted);
    const kept = this.window.subarray(this.index);
    next.set(kept);
    await this.source.read(start + kept.length, next.subarray(kept.length));
    this.window = next;
    this.#view = new DataView(next.buffer);
    this.#windowStart = start;
    this.index = 0;
  }

  /** Fills `into` with the next bytes and goes past them; what lies beyond the window comes straight from the source. */
  async copyInto(into: Uint8Array, what: string): Promise<void> {
    this.#check(into.length, what);
    const near = this.window.subarray(this.index, this.index + into.length);
    into.set(near);
    if (near.length < into.length) await this.source.read(this.position + near.length, into.subarray(near.length));
    this.skip(into.length);
  }

  /** Goes past `count` bytes that the file is known to hold. */
  skip(count: number): void {
    if (this.has(count)) {
      this.index += count;
      return;
    }
    this.#windowStart = this.position + count;
    this.window = new Uint8Array(0);
    this.index = 0;
  }

  u8(): number {
    return this.window[this.index++];
  }

  u32(): number {
    const value = this.#view.getUint32(this.index, this.littleEndian);
    this.index += 4;
    return value;
  }

  u64(): bigint {
    const value = this.#view.getBigUint64(this.index, this.littleEndian);
    this.index += 8;
    return value;
  }

  /** A view on the next bytes for reading scalars of other types; the caller goes past them with `skip`. */
  get view(): DataView {
    return this.#view;
  }

  /** The next `count` bytes as text, malformed UTF-8 as U+FFFD. */
  text(count: number): string {
    const bytes = this.window.subarray(this.index, this.index + count);
    this.index += count;
    return decoder.decode(bytes);
  }

  /** The error for something wrong at the current place. */
  error(problem: string): ReturnType<typeof invalidFile> {
    return invalidFile(this.source.name, `${problem} (at byte ${this.position})`, { position: this.position });
  }

  #check(count: number, what: string): void {
    if (count > this.remaining) {
      throw this.error(`${what} needs ${count} bytes but the file has ${this.remaining} left; it is cut short or damaged`);
    }
    if (this.position + count > LIMITS.headerBytes) {
      throw this.error(`${what} ends beyond the ${LIMITS.headerBytes} bytes that a header may have`);
    }
  }
}
