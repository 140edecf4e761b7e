import { dequantize, type GgufModel, type TensorInfo } from '@starling/gguf';
import type { ComputeMemory } from '@starling/kernels';
import type { Graph } from '../graph/graph.js';
import type { VectorWeight } from '../graph/weights.js';
import type { LoadOptions } from './load-options.js';

/** Bytes of a file that are read at a time. */
const chunkBytes = 4 * 2 ** 20;

/** Reads all weights to their places. */
export async function loadWeights(model: GgufModel, graph: Graph, memories: readonly ComputeMemory[], onProgress: LoadOptions['onProgress']): Promise<void> {
  const total = graph.matrices.reduce((sum, { tensor }) => sum + tensor.byteLength, 0);
  let done = 0;
  for (const vector of graph.vectors) await loadVector(model, vector, memories[vector.home.index]);
  for (const { tensor, home, place } of graph.matrices) {
    const { floats } = memories[home.index];
    const rows = Math.max(1, Math.floor(chunkBytes / (tensor.byteLength / tensor.rowCount)));
    for (let rowStart = 0; rowStart < tensor.rowCount; rowStart += rows) {
      const rowEnd = Math.min(tensor.rowCount, rowStart + rows);
      const at = (place.address >>> 2) + rowStart * tensor.rowLength;
      const values = await readFloats(model, tensor, rowStart, rowEnd);
      floats.set(values, at);
      done += ((rowEnd - rowStart) * tensor.byteLength) / tensor.rowCount;
      onProgress?.({ done, total });
    }
  }
}

async function loadVector(model: GgufModel, { source, place }: VectorWeight, memory: ComputeMemory): Promise<void> {
  const values = await valuesOf(model, source);
  if (values instanceof Float64Array) memory.doubles.set(values, place.address >>> 3);
  else memory.floats.set(values, place.address >>> 2);
}

async function valuesOf(model: GgufModel, source: VectorWeight['source']): Promise<Float32Array | Float64Array> {
  if (ArrayBuffer.isView(source)) return source;
  if ('derive' in source) return source.derive(await readFloats(model, source.tensor));
  return readFloats(model, source);
}

/** Rows of a tensor as floats. */
async function readFloats(model: GgufModel, tensor: TensorInfo, rowStart = 0, rowEnd = tensor.rowCount): Promise<Float32Array> {
  const bytes = new Uint8Array((tensor.byteLength / tensor.rowCount) * (rowEnd - rowStart));
  await model.readTensor(tensor, bytes, { rowStart, rowEnd });
  const values = new Float32Array((rowEnd - rowStart) * tensor.rowLength);
  dequantize(tensor.type, bytes, values);
  return values;
}
