import type { HeaderCursor } from './header-cursor.js';

/** Version 1 writes counts and lengths in 32 bits, later versions in 64. */
export type SizeBytes = 4 | 8;

/**
 * A count or length, refused above `limit`.
 * @throws StarlingError invalid_model_file
 */
export async function readSize(cursor: HeaderCursor, sizeBytes: SizeBytes, limit: number, what: string): Promise<number> {
  if (!cursor.has(sizeBytes)) await cursor.fill(sizeBytes, what);
  const value = sizeBytes === 8 ? cursor.u64() : BigInt(cursor.u32());
  if (value > BigInt(limit)) throw cursor.error(`${what} is ${value}, more than the ${limit} that are possible here`);
  return Number(value);
}

/**
 * A string with its length before it.
 * @throws StarlingError invalid_model_file if it is longer than `limit` or than the rest of the file
 */
export async function readString(cursor: HeaderCursor, sizeBytes: SizeBytes, limit: number, what: string): Promise<string> {
  const length = await readSize(cursor, sizeBytes, limit, `the length of ${what}`);
  if (!cursor.has(length)) await cursor.fill(length, what);
  return cursor.text(length);
}
