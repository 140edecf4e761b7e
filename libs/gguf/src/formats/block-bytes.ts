import { f16Table } from '@starling/core';

/** Turns whole blocks into values: `count` blocks from the start of `bytes` fill `out` from its start. */
export type BlockDecoder = (bytes: Uint8Array, count: number, out: Float32Array) => void;

/** All f16 values by their bits. */
export const HALF = f16Table();

/** The f16 at a place, little-endian. */
export function halfAt(bytes: Uint8Array, at: number): number {
  return HALF[bytes[at] | (bytes[at + 1] << 8)];
}

/** The unsigned 16 bits at a place, little-endian. */
export function u16At(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8);
}

/** The unsigned 32 bits at a place, little-endian. */
export function u32At(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}

/** The byte at a place as a signed number. */
export function i8At(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 24) >> 24;
}
