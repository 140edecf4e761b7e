import { dequantize, type GgufModel, type TensorInfo } from '@starling/gguf';

/** Rows of a tensor as floats. */
export async function readFloats(
  model: GgufModel,
  tensor: TensorInfo,
  rowStart = 0,
  rowEnd = tensor.rowCount,
): Promise<Float32Array> {
  const bytes = new Uint8Array((tensor.byteLength / tensor.rowCount) * (rowEnd - rowStart));
  await model.readTensor(tensor, bytes, { rowStart, rowEnd });
  const values = new Float32Array((rowEnd - rowStart) * tensor.rowLength);
  dequantize(tensor.type, bytes, values);
  return values;
}
