import { HALF, i8At, u16At, u32At, type BlockDecoder } from './block-bytes.js';

/** Formats without blocks: one value after the other. */

export const decodeF32: BlockDecoder = (bytes, count, out) => {
  new Uint8Array(out.buffer, out.byteOffset, count * 4).set(bytes.subarray(0, count * 4));
};

export const decodeF16: BlockDecoder = (bytes, count, out) => {
  for (let i = 0; i < count; i++) out[i] = HALF[bytes[2 * i] | (bytes[2 * i + 1] << 8)];
};

export const decodeBF16: BlockDecoder = (bytes, count, out) => {
  const bits = new Uint32Array(out.buffer, out.byteOffset, count);
  for (let i = 0; i < count; i++) bits[i] = (bytes[2 * i] << 16) | (bytes[2 * i + 1] << 24);
};

export const decodeF64: BlockDecoder = (bytes, count, out) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let i = 0; i < count; i++) out[i] = view.getFloat64(8 * i, true);
};

export const decodeI8: BlockDecoder = (bytes, count, out) => {
  for (let i = 0; i < count; i++) out[i] = i8At(bytes, i);
};

export const decodeI16: BlockDecoder = (bytes, count, out) => {
  for (let i = 0; i < count; i++) out[i] = (u16At(bytes, 2 * i) << 16) >> 16;
};

export const decodeI32: BlockDecoder = (bytes, count, out) => {
  for (let i = 0; i < count; i++) out[i] = u32At(bytes, 4 * i) | 0;
};

export const decodeI64: BlockDecoder = (bytes, count, out) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let i = 0; i < count; i++) out[i] = Number(view.getBigInt64(8 * i, true));
};
