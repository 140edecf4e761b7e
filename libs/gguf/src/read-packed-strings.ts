import { PackedStrings } from '@starling/core';
import type { HeaderCursor } from './header-cursor.js';
import { LIMITS } from './limits.js';
import type { SizeBytes } from './read-sizes.js';

/** Strings up to this length are copied byte by byte: cheaper than making a view for each. */
const SHORT_STRING_BYTES = 24;

/**
 * Reads `count` strings without making an object for each: their bytes are copied together, one after the other. Vocabularies and
 * lists of merges have hundreds of thousands, so everything in the window is read in one synchronous run.
 * The caller has checked that the file has room for `count` lengths.
 */
export async function readPackedStrings(cursor: HeaderCursor, sizeBytes: SizeBytes, count: number, what: string): Promise<PackedStrings> {
  if (count * sizeBytes > LIMITS.headerBytes) throw cursor.error(`${what} is larger than the ${LIMITS.headerBytes} bytes that a header may have`);
  const offsets = new Uint32Array(count + 1);
  let packed = new Uint8Array(Math.min(cursor.remaining, count * 10 + 64));
  let used = 0;
  let done = 0;

  const reserve = (bytes: number): void => {
    if (used + bytes <= packed.length) return;
    const larger = new Uint8Array(Math.max(used + bytes, Math.min(packed.length * 2, used + cursor.remaining)));
    larger.set(packed.subarray(0, used));
    packed = larger;
  };

  const readWindow = (): void => {
    const { window, littleEndian } = cursor;
    const lowWord = littleEndian || sizeBytes === 4 ? 0 : 4;
    let at = cursor.index;
    while (done < count && at + sizeBytes <= window.length) {
      const length = wordAt(window, at + lowWord, littleEndian);
      if (sizeBytes === 8 && wordAt(window, at + 4 - lowWord, littleEndian) !== 0) break;
      const start = at + sizeBytes;
      const end = start + length;
      if (end > window.length) break;
      reserve(length);
      if (length <= SHORT_STRING_BYTES) for (let i = start; i < end; i++) packed[used++] = window[i];
      else {
        packed.set(window.subarray(start, end), used);
        used += length;
      }
      offsets[++done] = used;
      at = end;
    }
    cursor.index = at;
  };

  for (;;) {
    readWindow();
    if (done === count) return new PackedStrings(packed.subarray(0, used), offsets);
    await fillOne(cursor, sizeBytes, `string ${done + 1} of ${count} in ${what}`);
  }
}

/** Brings one whole string with its length into the window. */
async function fillOne(cursor: HeaderCursor, sizeBytes: SizeBytes, what: string): Promise<void> {
  if (!cursor.has(sizeBytes)) await cursor.fill(sizeBytes, what);
  const start = cursor.index;
  const length = sizeBytes === 8 ? cursor.u64() : BigInt(cursor.u32());
  cursor.index = start;
  if (length > BigInt(LIMITS.stringBytes)) throw cursor.error(`${what} is ${length} bytes long, more than ${LIMITS.stringBytes}`);
  await cursor.fill(sizeBytes + Number(length), what);
}

function wordAt(bytes: Uint8Array, at: number, littleEndian: boolean): number {
  const word = littleEndian
    ? bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)
    : bytes[at + 3] | (bytes[at + 2] << 8) | (bytes[at + 1] << 16) | (bytes[at] << 24);
  return word >>> 0;
}
