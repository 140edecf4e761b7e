import { PackedStrings } from '@starling/core';

const FIXED = [Uint8Array, Int8Array, Uint16Array, Int16Array, Uint32Array, Int32Array, Float32Array] as const;

/** The metadata of a little-endian GGUF file, for tests that have vocabularies in such files: strings, numbers, booleans and arrays of them. */
export function ggufMetadata(file: Uint8Array): Map<string, unknown> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let at = 16;
  const u64 = (): number => Number(view.getBigUint64((at += 8) - 8, true));
  const u32 = (): number => view.getUint32((at += 4) - 4, true);
  const bytes = (): Uint8Array => {
    const length = u64();
    return file.subarray(at, (at += length));
  };
  const numbers = (type: number, count: number): Uint8Array | Float32Array => {
    const Type = FIXED[type] as typeof Uint8Array;
    const start = at;
    at += count * Type.BYTES_PER_ELEMENT;
    return new Type(new Uint8Array(file.subarray(start, at)).buffer);
  };
  const array = (): unknown => {
    const type = u32();
    const count = u64();
    if (type !== 8) return numbers(type === 7 ? 0 : type, count);
    const parts = Array.from({ length: count }, bytes);
    const offsets = new Uint32Array(count + 1);
    parts.forEach((part, i) => (offsets[i + 1] = offsets[i] + part.length));
    const joined = new Uint8Array(offsets[count]);
    parts.forEach((part, i) => joined.set(part, offsets[i]));
    return new PackedStrings(joined, offsets);
  };
  const value = (type: number): unknown => {
    if (type === 8) return new TextDecoder().decode(bytes());
    if (type === 9) return array();
    if (type === 7) return numbers(0, 1)[0] !== 0;
    if (type === 10 || type === 11) return u64();
    if (type === 12) return view.getFloat64((at += 8) - 8, true);
    return numbers(type, 1)[0];
  };
  const entries = u64();
  const metadata = new Map<string, unknown>();
  for (let i = 0; i < entries; i++) {
    const key = new TextDecoder().decode(bytes());
    metadata.set(key, value(u32()));
  }
  return metadata;
}
