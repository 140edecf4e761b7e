import { fixturePath } from '../../../tools/fixtures/fixtures.js';
import { dequantize } from '../src/dequantize.js';
import type { GgufModel } from '../src/model.js';
import { openGgufFile } from '../src/open.node.js';

/** Opens a fixture for the time that `use` takes. */
export const withFixture = <T>(file: readonly string[], use: (model: GgufModel) => Promise<T>): Promise<T> =>
  withModel(fixturePath(...file), use);

/** Opens a model's file for the time that `use` takes. */
export async function withModel<T>(file: string, use: (model: GgufModel) => Promise<T>): Promise<T> {
  const model = await openGgufFile(file);
  try {
    return await use(model);
  } finally {
    await model.close();
  }
}

/** All values of a tensor. */
export async function tensorValues(model: GgufModel, name: string): Promise<Float32Array> {
  const tensor = model.tensor(name);
  const bytes = new Uint8Array(tensor.byteLength);
  await model.readTensor(tensor, bytes);
  const values = new Float32Array(tensor.rowLength * tensor.rowCount);
  dequantize(tensor.type, bytes, values);
  return values;
}

/** Collects what is written. */
export class MemorySink {
  readonly pieces: Uint8Array[] = [];

  async write(bytes: Uint8Array): Promise<void> {
    this.pieces.push(bytes.slice());
  }

  bytes(): Uint8Array {
    const all = new Uint8Array(this.pieces.reduce((sum, piece) => sum + piece.length, 0));
    let used = 0;
    for (const piece of this.pieces) {
      all.set(piece, used);
      used += piece.length;
    }
    return all;
  }
}
