/** The format that keys and values are kept in. */
export type KvFormat = 'F32' | 'F16' | 'Q8_0';

/** The shape of the keys and values of one layer. */
export interface KvShape {
  readonly format: KvFormat;
  readonly pageTokens: number;
  readonly heads: number;
  /** Length of a key and of a value of one head: multiples of 4. */
  readonly keyLength: number;
  readonly valueLength: number;
}

/** Values that share a scale in Q8_0. */
export const kvBlock = 32;

/*
 * One layer's part of a page: for each head of keys (`headBytes` each)
 *
 * | F32, F16 | keys, transposed so that lanes are tokens: (keyLength, pageTokens) |
 * |          | values: (pageTokens, valueLength) |
 * | Q8_0 | keys as above in 8 bits, then their scales as f32: (keyLength / 32 rounded up, pageTokens) |
 * |      | values as above in 8 bits, then their scales: (pageTokens, valueLength / 32 rounded up) |
 */

const valueBytes: Record<KvFormat, number> = { F32: 4, F16: 2, Q8_0: 1 };

/** Blocks of 32 that a row of `length` values needs. */
export const kvBlocks = (length: number): number => Math.ceil(length / kvBlock);

/** Byte offsets inside the part of one head. */
export interface KvHeadLayout {
  readonly keyScales: number;
  readonly values: number;
  readonly valueScales: number;
  readonly headBytes: number;
}

export function kvHeadLayout({ format, pageTokens, keyLength, valueLength }: KvShape): KvHeadLayout {
  const scaled = format === 'Q8_0' ? 1 : 0;
  const keyScales = keyLength * pageTokens * valueBytes[format];
  const values = keyScales + scaled * 4 * kvBlocks(keyLength) * pageTokens;
  const valueScales = values + valueLength * pageTokens * valueBytes[format];
  return { keyScales, values, valueScales, headBytes: valueScales + scaled * 4 * kvBlocks(valueLength) * pageTokens };
}

/** Bytes of one page in one layer. */
export function kvPageBytes(shape: KvShape): number {
  return shape.heads * kvHeadLayout(shape).headBytes;
}
