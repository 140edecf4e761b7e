import type { StarlingError } from '@starling/core';
import type { ByteSource } from './byte-source.js';
import { invalidFile } from './file-error.js';
import { LIMITS } from './limits.js';

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const strictDecoder = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });
const DEFAULT_CHUNK_BYTES = 1 << 20;

/**
 * Walks forward through the header of a file with a window of bytes in memory.
 *
 * Invariant: `window` holds the bytes `[windowStart, windowStart + window.length)` of the source, and `index` is the next of them.
 * What is small is read at once from the window, after one `lookAhead` that has brought enough of it; only values of any length wait.
 */
export class HeaderCursor {
  littleEndian = true;
  window = new Uint8Array(0);
  /** Place of the next byte in the window. */
  index = 0;
  /** What windows lie in. */
  #room = new Uint8Array(0);
  #view = new DataView(this.#room.buffer);
  #windowStart = 0;

  constructor(readonly source: ByteSource) {}

  /** Place of the next byte in the file. */
  get position(): number {
    return this.#windowStart + this.index;
  }

  /** Bytes of the file from here on. */
  get remaining(): number {
    return this.source.size - this.position;
  }

  /** Brings the next `count` bytes into the window, or as many as the file has, and what a chunk holds beyond them. */
  async lookAhead(count: number): Promise<void> {
    const start = this.position;
    const needed = Math.min(count, this.source.size - start);
    if (this.index + needed <= this.window.length) return;
    const length = Math.min(Math.max(needed, this.source.chunkBytes ?? DEFAULT_CHUNK_BYTES), this.source.size - start);
    const kept = this.window.subarray(this.index);
    // Chunk after chunk comes into the same bytes: nobody keeps views of the window.
    if (this.#room.length < length) this.#room = new Uint8Array(length);
    this.#room.set(kept);
    this.window = this.#room.subarray(0, length);
    this.#view = new DataView(this.#room.buffer, 0, length);
    this.#windowStart = start;
    this.index = 0;
    await this.source.read(start + kept.length, this.window.subarray(kept.length));
  }

  /** Fills `into` with the next bytes and goes past them; what lies beyond the window comes straight from the source. */
  async copyInto(into: Uint8Array, what: string): Promise<void> {
    this.check(into.length, what);
    const near = this.window.subarray(this.index, this.index + into.length);
    into.set(near);
    this.index += near.length;
    if (near.length === into.length) return;
    await this.source.read(this.position, into.subarray(near.length));
    this.#windowStart = this.position + into.length - near.length;
    this.window = new Uint8Array(0);
    this.index = 0;
  }

  /** Goes past the next `count` bytes. @returns a view and the place in it where they start */
  take(count: number, what: string): { readonly view: DataView; readonly at: number } {
    const at = this.index;
    if (at + count > this.window.length) this.check(count, what);
    this.index = at + count;
    return { view: this.#view, at };
  }

  u32(what: string): number {
    const { view, at } = this.take(4, what);
    return view.getUint32(at, this.littleEndian);
  }

  /** The next `count` bytes as text, malformed UTF-8 as U+FFFD. */
  text(count: number, what: string): string {
    const { at } = this.take(count, what);
    return decoder.decode(this.window.subarray(at, at + count));
  }

  /**
   * The next `count` bytes as a name that other things are told apart by: two that are no UTF-8 could become the same text.
   * @throws StarlingError invalid_model_file if they are not UTF-8
   */
  name(count: number, what: string): string {
    const { at } = this.take(count, what);
    try {
      return strictDecoder.decode(this.window.subarray(at, at + count));
    } catch {
      throw this.error(`${what} is not UTF-8`);
    }
  }

  /**
   * Makes sure that the next `count` bytes may be read.
   * @throws StarlingError invalid_model_file if the file ends before, or the header grows beyond its bound
   */
  check(count: number, what: string): void {
    if (count > this.remaining) {
      throw this.error(
        `${what} needs ${count} bytes but the file has ${this.remaining} left; it is cut short or damaged`,
      );
    }
    if (this.position + count > LIMITS.headerBytes) {
      throw this.error(`${what} ends beyond the ${LIMITS.headerBytes} bytes that a header may have`);
    }
  }

  /** The error for something wrong at the current place. */
  error(problem: string): StarlingError {
    return invalidFile(this.source.name, `${problem} (at byte ${this.position})`, { position: this.position });
  }
}
