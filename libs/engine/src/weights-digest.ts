import type { GgufModel, TensorInfo } from '@starling/gguf';

/** Of each tensor so many places are read, evenly spread, and so many bytes at each; smaller tensors whole. */
const PLACES = 32;
const PLACE_BYTES = 2048;

/**
 * A digest of a model's weights, hex: SHA-256 over the names, types and shapes of all tensors, the numbers that say how they are used, and
 * bytes of each tensor from its beginning to its end. So any other training gives another digest, and no gigabytes are read.
 */
export async function weightsDigest(file: GgufModel): Promise<string> {
  const { subtle } = globalThis.crypto;
  const header: unknown[] = [];
  for (const [key, value] of file.metadata) {
    if (key === 'general.architecture' || key.startsWith(`${file.architecture}.`))
      header.push([
        key,
        ArrayBuffer.isView(value) ? Array.from(value as Uint8Array) : typeof value === 'bigint' ? String(value) : value,
      ]);
  }
  const digests: Uint8Array[] = [];
  for (const tensor of file.tensors.values()) {
    header.push([tensor.name, tensor.type.name, tensor.shape]);
    digests.push(new Uint8Array(await subtle.digest('SHA-256', await samples(file, tensor))));
  }
  const described = new TextEncoder().encode(JSON.stringify(header));
  const all = new Uint8Array(described.length + 32 * digests.length);
  all.set(described);
  digests.forEach((digest, i) => all.set(digest, described.length + 32 * i));
  return Array.from(new Uint8Array(await subtle.digest('SHA-256', all)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
}

async function samples(file: GgufModel, tensor: TensorInfo): Promise<Uint8Array<ArrayBuffer>> {
  const { rowCount, byteLength } = tensor;
  const rowBytes = byteLength / rowCount;
  const rows = Math.max(1, Math.ceil(PLACE_BYTES / rowBytes));
  if (rowCount <= rows * PLACES) {
    const bytes = new Uint8Array(byteLength);
    await file.readTensor(tensor, bytes);
    return bytes;
  }
  const bytes = new Uint8Array(PLACES * rows * rowBytes);
  const reads: Promise<void>[] = [];
  for (let place = 0; place < PLACES; place++) {
    const rowStart = Math.floor((place * (rowCount - rows)) / (PLACES - 1));
    reads.push(
      file.readTensor(tensor, bytes.subarray(place * rows * rowBytes, (place + 1) * rows * rowBytes), {
        rowStart,
        rowEnd: rowStart + rows,
      }),
    );
  }
  await Promise.all(reads);
  return bytes;
}
