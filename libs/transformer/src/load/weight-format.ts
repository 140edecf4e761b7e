import type { TensorInfo, TensorTypeName } from '@starling/gguf';
import { hasMatrixFormat, matrixFormatOf, type MatrixFormat } from '@starling/kernels';
import type { MatrixWeight } from '../graph/weights.js';
import type { WeightConversion } from '../runtime/model-runtime.js';

/**
 * What weights of types without kernels of their own (IQ1 to IQ3, TQ and others) are converted to. Its error on them, at most 0.8 %
 * of a weight, is a fraction of what 8-bit activations cost.
 */
const CONVERTED: TensorTypeName = 'Q8_0';

/** Bytes that a tensor may take as floats for the sake of precision alone. */
const PRECISE_BYTES = 4 * 2 ** 20;

/**
 * The format that a tensor's weights are kept in: its own, if there are kernels for it.
 * @param precise products should lose no more than rounding to f32 does, where that costs little: small tensors are kept as floats,
 * larger ones get activations of 8 bits as in every other model
 */
export function weightFormatOf({ type, rowLength, rowCount }: TensorInfo, precise: boolean): MatrixFormat {
  if (precise && 4 * rowLength * rowCount <= PRECISE_BYTES) return matrixFormatOf('F32');
  if (hasMatrixFormat(type.name)) return matrixFormatOf(type.name);
  return matrixFormatOf(rowLength % 32 === 0 ? CONVERTED : 'F16');
}

/** What was kept in another format than the file's, and what it costs: for the log. */
export function conversionsOf(matrices: readonly MatrixWeight[]): WeightConversion[] {
  const conversions = new Map<
    string,
    { from: string; to: string; tensors: number; fileBytes: number; memoryBytes: number }
  >();
  for (const { source: tensor, format, bytes } of matrices) {
    if ('read' in tensor || tensor.type.name === format.name) continue;
    const key = `${tensor.type.name} ${format.name}`;
    const entry = conversions.get(key) ?? {
      from: tensor.type.name,
      to: format.name,
      tensors: 0,
      fileBytes: 0,
      memoryBytes: 0,
    };
    entry.tensors++;
    entry.fileBytes += tensor.byteLength;
    entry.memoryBytes += bytes;
    conversions.set(key, entry);
  }
  return [...conversions.values()];
}
