import { PackedStrings } from '@starling/core';
import type { HeaderCursor } from './header-cursor.js';
import { LIMITS } from './limits.js';
import { readSize, type SizeBytes } from './read-sizes.js';

/** Strings up to this length are copied byte by byte: cheaper than making a view for each. */
const SHORT_STRING_BYTES = 24;

/**
 * Reads `count` strings without making an object for each: their bytes are copied together, one after the other. Vocabularies and
 * lists of merges have hundreds of thousands, so everything in the window is read in one synchronous run.
 * The caller has checked that the file has room for `count` lengths.
 */
export async function readPackedStrings(
  cursor: HeaderCursor,
  sizeBytes: SizeBytes,
  count: number,
  what: string,
): Promise<PackedStrings> {
  if (count * sizeBytes > LIMITS.headerBytes)
    throw cursor.error(`${what} is larger than the ${LIMITS.headerBytes} bytes that a header may have`);
  const offsets = new Uint32Array(count + 1);
  let packed = new Uint8Array(Math.min(cursor.remaining, count * 10 + 64));
  for (let done = 0; ; ) {
    packed = withRoom(packed, offsets[done], cursor.window.length - cursor.index, cursor.remaining);
    done = packWindow(cursor, sizeBytes, packed, offsets, done);
    if (done === count) return new PackedStrings(packed.subarray(0, offsets[count]), offsets);
    await fillOne(cursor, sizeBytes, `string ${done + 1} of ${count} in ${what}`);
  }
}

/** `packed`, or a larger copy of its first `used` bytes, with room for `more`; doubled, but not beyond what the file still holds. */
function withRoom(
  packed: Uint8Array<ArrayBuffer>,
  used: number,
  more: number,
  remaining: number,
): Uint8Array<ArrayBuffer> {
  if (used + more <= packed.length) return packed;
  const larger = new Uint8Array(Math.max(used + more, Math.min(packed.length * 2, used + remaining)));
  larger.set(packed.subarray(0, used));
  return larger;
}

/**
 * Packs the strings that lie whole in the window, from string `done` on, and puts the cursor behind them. `packed` has room for them.
 * @returns how many strings are done now
 */
function packWindow(
  cursor: HeaderCursor,
  sizeBytes: SizeBytes,
  packed: Uint8Array,
  offsets: Uint32Array,
  done: number,
): number {
  const { window, littleEndian } = cursor;
  const count = offsets.length - 1;
  const lowWord = littleEndian || sizeBytes === 4 ? 0 : 4;
  let at = cursor.index;
  let used = offsets[done];
  while (done < count && at + sizeBytes <= window.length) {
    const length = wordAt(window, at + lowWord, littleEndian);
    if (sizeBytes === 8 && wordAt(window, at + 4 - lowWord, littleEndian) !== 0) break;
    const start = at + sizeBytes;
    const end = start + length;
    if (end > window.length) break;
    if (length <= SHORT_STRING_BYTES) for (let i = start; i < end; i++) packed[used++] = window[i];
    else {
      packed.set(window.subarray(start, end), used);
      used += length;
    }
    offsets[++done] = used;
    at = end;
  }
  cursor.index = at;
  return done;
}

/** Brings one whole string with its length into the window. */
async function fillOne(cursor: HeaderCursor, sizeBytes: SizeBytes, what: string): Promise<void> {
  await cursor.lookAhead(sizeBytes);
  const start = cursor.index;
  const length = readSize(cursor, sizeBytes, LIMITS.stringBytes, `the length of ${what}`);
  cursor.index = start;
  cursor.check(sizeBytes + length, what);
  await cursor.lookAhead(sizeBytes + length);
}

function wordAt(bytes: Uint8Array, at: number, littleEndian: boolean): number {
  const word = littleEndian
    ? bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)
    : bytes[at + 3] | (bytes[at + 2] << 8) | (bytes[at + 1] << 16) | (bytes[at] << 24);
  return word >>> 0;
}
