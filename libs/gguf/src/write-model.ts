import { StarlingError, isStarlingError, messageOf } from '@starling/core';
import { canQuantize } from './quantize.js';
import type { GgufFormat, MetadataEntry } from './encode-header.js';
import { invalidFile } from './file-error.js';
import type { GgufModel } from './model.js';
import { quote } from './read-metadata.js';
import type { TensorInfo } from './read-tensors.js';
import { ownThread, type RowConverter } from './row-converter.js';
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
  /** By tensor, what the square error of each value counts where it gets another type: (matrices, values of a row). Default: all the same. */
  readonly importance?: ReadonlyMap<string, Float32Array>;
  /** What converts tensors to other types. Default: this thread. */
  readonly converter?: RowConverter;
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
  const plan = Array.from(model.tensors.values(), (tensor) => ({
    tensor,
    to: options.types?.get(tensor.name) ?? tensor.type,
    importance: options.importance?.get(tensor.name),
  }));
  for (const { tensor, to, importance } of plan) {
    writer.addTensor(tensor.name, to, tensor.shape);
    if (importance !== undefined) checkFit(tensor, importance);
  }

  const { converter = ownThread, signal, onProgress } = options;
  const valuesTotal = plan.reduce((sum, { tensor }) => sum + tensor.rowLength * tensor.rowCount, 0);
  let valuesDone = 0;
  /** What is converted, in the order in which it is written. */
  const ahead: { readonly bytes: Promise<Uint8Array>; readonly piece: Piece }[] = [];
  const writeNext = async (): Promise<void> => {
    const { bytes, piece } = ahead[0];
    await writer.write(await bytes);
    ahead.shift();
    const { tensor, to, index, rowStart, rowEnd } = piece;
    valuesDone += (rowEnd - rowStart) * tensor.rowLength;
    onProgress?.({
      tensor: tensor.name,
      index,
      tensorCount: plan.length,
      from: tensor.type,
      to,
      valuesDone,
      valuesTotal,
    });
  };
  try {
    for (const piece of piecesOf(plan)) {
      if (signal?.aborted)
        throw new StarlingError('cancelled', `writing ${model.name} was cancelled`, { cause: signal.reason });
      const bytes = makePiece(model, piece, converter);
      // It is looked at when its turn comes.
      bytes.catch(() => undefined);
      ahead.push({ bytes, piece });
      if (ahead.length >= converter.width) await writeNext();
    }
    while (ahead.length > 0) await writeNext();
  } finally {
    // Nobody reads from the model once this has failed.
    await Promise.allSettled(ahead.map(({ bytes }) => bytes));
  }
  await writer.finish();
}

/** Rows of a tensor, and the type they get. */
interface Piece {
  readonly tensor: TensorInfo;
  readonly to: TensorType;
  readonly importance: Float32Array | undefined;
  /** Place of the tensor, from 0. */
  readonly index: number;
  readonly rowStart: number;
  readonly rowEnd: number;
}

function* piecesOf(plan: readonly Pick<Piece, 'tensor' | 'to' | 'importance'>[]): Iterable<Piece> {
  for (const [index, part] of plan.entries()) {
    const { rowLength, rowCount } = part.tensor;
    const most = Math.max(1, Math.floor(PIECE_VALUES / Math.max(1, rowLength)));
    for (let rowStart = 0, rowEnd = 0; rowStart < rowCount; rowStart = rowEnd) {
      const matrix = matrixRows(part);
      rowEnd = Math.min(rowStart + most, (Math.floor(rowStart / matrix) + 1) * matrix);
      yield { ...part, index, rowStart, rowEnd };
    }
  }
}

function checkFit({ name, rowLength, rowCount }: TensorInfo, { length }: Float32Array): void {
  if (length > 0 && length % rowLength === 0 && (rowLength * rowCount) % length === 0) return;
  throw new StarlingError(
    'invalid_argument',
    `the importance of ${length} values does not fit tensor ${quote(name)} with ${rowCount} rows of ${rowLength}`,
    { details: { tensor: name, importance: length, rowLength, rowCount } },
  );
}

/** Rows that have the same importance: those of one expert's matrix, where each has its own. */
const matrixRows = ({ tensor, importance }: Pick<Piece, 'tensor' | 'importance'>): number =>
  importance === undefined ? tensor.rowCount : (tensor.rowCount * tensor.rowLength) / importance.length;

async function makePiece(
  model: GgufModel,
  { tensor, to, rowStart, rowEnd, importance }: Piece,
  converter: RowConverter,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(bytesOfValues(tensor.type, (rowEnd - rowStart) * tensor.rowLength));
  await model.readTensor(tensor, bytes, { rowStart, rowEnd });
  if (to === tensor.type) return bytes;
  try {
    const { rowLength } = tensor;
    const first = rowLength * Math.floor(rowStart / matrixRows({ tensor, importance }));
    const ofRows = importance?.slice(first, first + rowLength);
    return await converter.convert({ from: tensor.type.name, to: to.name, rowLength, bytes, importance: ofRows });
  } catch (error) {
    if (!isStarlingError(error, 'invalid_argument') || !canQuantize(to)) throw error;
    throw invalidFile(model.name, `tensor ${quote(tensor.name)} from row ${rowStart} on: ${messageOf(error)}`, {
      tensor: tensor.name,
    });
  }
}
