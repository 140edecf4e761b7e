import type { HeaderCursor } from './header-cursor.js';

/** Version 1 writes counts and lengths in 32 bits, later versions in 64. */
export type SizeBytes = 4 | 8;

/**
 * A count or length, refused above `limit`.
 * @throws StarlingError invalid_model_file
 */
export function readSize(cursor: HeaderCursor, sizeBytes: SizeBytes, limit: number, what: string): number {
  const { view, at } = cursor.take(sizeBytes, what);
  const little = cursor.littleEndian;
  if (sizeBytes === 4) {
    const value = view.getUint32(at, little);
    if (value <= limit) return value;
    throw cursor.error(`${what} is ${value}, more than the ${limit} that are possible here`);
  }
  const low = view.getUint32(little ? at : at + 4, little);
  const high = view.getUint32(little ? at + 4 : at, little);
  const value = high * 2 ** 32 + low;
  if (value <= limit) return value;
  throw cursor.error(
    `${what} is ${(BigInt(high) << 32n) | BigInt(low)}, more than the ${limit} that are possible here`,
  );
}
