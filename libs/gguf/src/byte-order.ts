import type { TensorType, TensorTypeName } from './tensor-types.js';

/** A field of several bytes in a block: where it starts, bytes of one element, elements. */
type Field = readonly [start: number, width: 2 | 4 | 8, count: number];

/** The fields of each block format whose bytes are turned round in a big-endian file; formats of single bytes have none. */
const FIELDS: Readonly<Record<TensorTypeName, readonly Field[]>> = {
  F32: [[0, 4, 1]],
  F16: [[0, 2, 1]],
  BF16: [[0, 2, 1]],
  F64: [[0, 8, 1]],
  I8: [],
  I16: [[0, 2, 1]],
  I32: [[0, 4, 1]],
  I64: [[0, 8, 1]],
  Q1_0: [[0, 2, 1]],
  Q2_0: [[0, 2, 1]],
  Q4_0: [[0, 2, 1]],
  Q4_1: [[0, 2, 2]],
  Q5_0: [[0, 2, 1]],
  Q5_1: [[0, 2, 2]],
  Q8_0: [[0, 2, 1]],
  Q8_1: [[0, 2, 2]],
  Q2_K: [[80, 2, 2]],
  Q3_K: [[108, 2, 1]],
  Q4_K: [[0, 2, 2]],
  Q5_K: [[0, 2, 2]],
  Q6_K: [[208, 2, 1]],
  Q8_K: [
    [0, 4, 1],
    [260, 2, 16],
  ],
  IQ2_XXS: [[0, 2, 33]],
  IQ2_XS: [[0, 2, 33]],
  IQ2_S: [[0, 2, 1]],
  IQ3_XXS: [[0, 2, 1]],
  IQ3_S: [[0, 2, 1]],
  IQ1_S: [
    [0, 2, 1],
    [34, 2, 8],
  ],
  IQ1_M: [],
  IQ4_NL: [[0, 2, 1]],
  IQ4_XS: [[0, 2, 2]],
  TQ1_0: [[52, 2, 1]],
  TQ2_0: [[64, 2, 1]],
  MXFP4: [],
  NVFP4: [],
};

/** Turns the bytes of each `width`-byte element round, in place. `bytes.length` is a multiple of `width`. */
export function swapBytes(bytes: Uint8Array, width: 1 | 2 | 4 | 8): void {
  for (let start = 0; start + width <= bytes.length; start += width) reverse(bytes, start, width);
}

/** Turns whole blocks of a tensor type between little and big endian, in place. */
export function swapBlocks(type: TensorType, bytes: Uint8Array): void {
  const fields = FIELDS[type.name];
  if (fields.length === 0) return;
  for (let block = 0; block + type.blockBytes <= bytes.length; block += type.blockBytes) {
    for (const [start, width, count] of fields) {
      for (let i = 0; i < count; i++) reverse(bytes, block + start + i * width, width);
    }
  }
}

function reverse(bytes: Uint8Array, start: number, width: number): void {
  for (let low = start, high = start + width - 1; low < high; low++, high--) {
    const byte = bytes[low];
    bytes[low] = bytes[high];
    bytes[high] = byte;
  }
}
