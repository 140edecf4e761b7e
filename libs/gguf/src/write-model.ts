import { StarlingError, isStarlingError, messageOf } from '@starling/core';
import { canQuantize, quantize } from './quantize.js';
import { dequantize } from './dequantize.js';
import type { GgufFormat, MetadataEntry } from './encode-header.js';
import { invalidFile } from './file-error.js';
import type { GgufModel } from './model.js';
import { quote } from './read-metadata.js';
import type { TensorInfo } from './read-tensors.js';
import { bytesOfValues, type TensorType } from './tensor-types.js';
import { GgufWriter, type ByteSink } from './writer.js';

/** How far a model is written, told after each piece. */
export interface WriteProgress {
  readonly tensor: string;
  /** Place of the tensor, from 0. */
  readonly index: number;
  readonly tensorCount: number;
  readonly from: TensorType;
  readonly to: TensorType;
  readonly valuesDone: number;
  readonly valuesTotal: number;
}

/** How a model is written. */
export interface WriteModelOptions extends GgufFormat {
  /** The type of each tensor that is not to keep its own. */
  readonly types?: ReadonlyMap<string, TensorType>;
  /** Metadata set on top of the model's own. */
  readonly metadata?: ReadonlyMap<string, MetadataEntry>;
  readonly onProgress?: (progress: WriteProgress) => void;
  /** Stops between two pieces, with the error `cancelled`. */
  readonly signal?: AbortSignal;
}

/** Values converted at once: enough to keep the cost of reading and writing small, few enough to stay responsive. */
const PIECE_VALUES = 2 ** 19;

/**
 * Writes a model to a sink as one file, its tensors in their own types or in others. The parts of a split model are joined.
 * @throws StarlingError invalid_model_file if a value cannot be quantized, cancelled, and what the sink throws
 */
export async function writeModel(model: GgufModel, sink: ByteSink, options: WriteModelOptions = {}): Promise<void> {
  const writer = new GgufWriter(sink, options);
  for (const [key, value] of model.metadata) {
    if (!key.startsWith('split.')) writer.setMetadata(key, value, model.metadataTypes.get(key));
  }
  for (const [key, { type, value }] of options.metadata ?? []) writer.setMetadata(key, value, type);
  const plan = Array.from(model.tensors.values(), (tensor) => ({ tensor, to: options.types?.get(tensor.name) ?? tensor.type }));
  for (const { tensor, to } of plan) writer.addTensor(tensor.name, to, tensor.shape);

  const valuesTotal = plan.reduce((sum, { tensor }) => sum + tensor.rowLength * tensor.rowCount, 0);
  let valuesDone = 0;
  for (const [index, { tensor, to }] of plan.entries()) {
    const rows = Math.max(1, Math.floor(PIECE_VALUES / Math.max(1, tensor.rowLength)));
    for (let rowStart = 0; rowStart < tensor.rowCount; rowStart += rows) {
      if (options.signal?.aborted) throw new StarlingError('cancelled', `writing ${model.name} was cancelled`, { cause: options.signal.reason });
      const rowEnd = Math.min(rowStart + rows, tensor.rowCount);
      await writer.write(await convertRows(model, tensor, to, rowStart, rowEnd));
      valuesDone += (rowEnd - rowStart) * tensor.rowLength;
      options.onProgress?.({ tensor: tensor.name, index, tensorCount: plan.length, from: tensor.type, to, valuesDone, valuesTotal });
    }
  }
  await writer.finish();
}

async function convertRows(model: GgufModel, tensor: TensorInfo, to: TensorType, rowStart: number, rowEnd: number): Promise<Uint8Array> {
  const count = (rowEnd - rowStart) * tensor.rowLength;
  const bytes = new Uint8Array(bytesOfValues(tensor.type, count));
  await model.readTensor(tensor, bytes, { rowStart, rowEnd });
  if (to === tensor.type) return bytes;
  const values = new Float32Array(count);
  dequantize(tensor.type, bytes, values);
  const converted = new Uint8Array(bytesOfValues(to, count));
  try {
    quantize(to, values, tensor.rowLength, converted);
  } catch (error) {
    if (!isStarlingError(error, 'invalid_argument') || !canQuantize(to)) throw error;
    throw invalidFile(model.name, `tensor ${quote(tensor.name)} from row ${rowStart} on: ${messageOf(error)}`, { tensor: tensor.name });
  }
  return converted;
}
