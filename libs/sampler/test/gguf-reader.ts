/** A reader of small GGUF files for tests: every tensor F32, everything in memory. */
export interface TestModel {
  readonly metadata: ReadonlyMap<string, unknown>;
  readonly tensors: ReadonlyMap<string, Float32Array>;
}

const FIXED_WIDTHS = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];

export function readF32Gguf(bytes: Uint8Array): TestModel {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 8;
  const u32 = (): number => view.getUint32((at += 4) - 4, true);
  const u64 = (): number => Number(view.getBigUint64((at += 8) - 8, true));
  const text = (): string => {
    const length = u64();
    return new TextDecoder().decode(bytes.subarray(at, (at += length)));
  };
  const scalar = (type: number): unknown => {
    if (type === 8) return text();
    const start = at;
    at += FIXED_WIDTHS[type];
    if (type === 4) return view.getUint32(start, true);
    if (type === 5) return view.getInt32(start, true);
    if (type === 6) return view.getFloat32(start, true);
    if (type === 7) return view.getUint8(start) !== 0;
    return undefined;
  };
  const value = (type: number): unknown => {
    if (type !== 9) return scalar(type);
    const elementType = u32();
    return Array.from({ length: u64() }, () => scalar(elementType));
  };

  const tensorCount = u64();
  const metadataCount = u64();
  const metadata = new Map<string, unknown>();
  for (let i = 0; i < metadataCount; i++) {
    const key = text();
    metadata.set(key, value(u32()));
  }
  const infos = Array.from({ length: tensorCount }, () => {
    const name = text();
    const shape = Array.from({ length: u32() }, u64);
    const type = u32();
    return { name, type, length: shape.reduce((a, b) => a * b, 1), offset: u64() };
  });
  const data = Math.ceil(at / 32) * 32;
  const tensors = new Map(
    infos.map(({ name, length, offset }) => [
      name,
      Float32Array.from({ length }, (_, i) => view.getFloat32(data + offset + 4 * i, true)),
    ]),
  );
  return { metadata, tensors };
}
