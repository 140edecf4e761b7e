import type { GgufModel } from '@starling/gguf';

/** Bytes that are read at a time. */
const CHUNK_BYTES = 8 * 2 ** 20;

/**
 * SHA-256 of what an adapter computes: of its values and of the keys that scale them, each chunk after the digest of those before it. Where
 * there is no such digest (pages without a secure context), a random one: then nothing that was computed with it is found again after a restart.
 */
export async function digestOf(file: GgufModel, layers: readonly number[] = []): Promise<string> {
  const { subtle } = globalThis.crypto;
  if (subtle === undefined) return hex(globalThis.crypto.getRandomValues(new Uint8Array(32)));
  const names = Array.from(file.tensors.values(), ({ name, type, shape }) => `${name} ${type.name} ${shape.join('x')}`);
  let digest = new Uint8Array(0);
  const add = async (bytes: Uint8Array): Promise<void> => {
    const joined = new Uint8Array(digest.length + bytes.length);
    joined.set(digest);
    joined.set(bytes, digest.length);
    digest = new Uint8Array(await subtle.digest('SHA-256', joined));
  };
  await add(
    new TextEncoder().encode(JSON.stringify([file.architecture, file.number('adapter.lora.alpha'), layers, names])),
  );
  for (const tensor of file.tensors.values()) {
    const rowBytes = tensor.byteLength / tensor.rowCount;
    const step = Math.max(1, Math.floor(CHUNK_BYTES / rowBytes));
    for (let rowStart = 0; rowStart < tensor.rowCount; rowStart += step) {
      const rowEnd = Math.min(tensor.rowCount, rowStart + step);
      const bytes = new Uint8Array((rowEnd - rowStart) * rowBytes);
      await file.readTensor(tensor, bytes, { rowStart, rowEnd });
      await add(bytes);
    }
  }
  return hex(digest);
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
