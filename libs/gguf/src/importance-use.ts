import { StarlingError } from '@starling/core';
import type { MetadataEntry } from './encode-header.js';
import { meanSquares, type ImportanceMatrix } from './importance-matrix.js';
import type { GgufModel } from './model.js';
import { quote } from './read-metadata.js';
import type { TensorInfo } from './read-tensors.js';
import type { TensorType, TensorTypeName } from './tensor-types.js';

/** Types of so few bits that a matrix is of no use unless they go to the columns that matter. */
const NEEDING: ReadonlySet<TensorTypeName> = new Set(['IQ1_S', 'IQ1_M', 'IQ2_XXS', 'IQ2_XS', 'IQ2_S', 'IQ3_XXS']);

/** Tables: nothing is multiplied by an embedding, and `imatrix` does not look at the output unless it is told to. */
const TABLES: ReadonlySet<string> = new Set(['token_embd.weight', 'per_layer_token_embd.weight', 'output.weight']);

/** Longest text that llama.cpp writes under a key of its own. */
const MAX_TEXT = 127;

/**
 * What the values of each tensor that gets another type count, (matrices, values of a row).
 * @throws StarlingError invalid_argument where a matrix does not fit, or is missing for a type that needs it
 */
export function importanceFor(
  model: GgufModel,
  types: ReadonlyMap<string, TensorType>,
  importance: ImportanceMatrix | undefined,
): Map<string, Float32Array> {
  const weights = new Map<string, Float32Array>();
  for (const tensor of model.tensors.values()) {
    const type = types.get(tensor.name);
    if (type === undefined || type === tensor.type) continue;
    const entry = importance?.entries.get(tensor.name);
    const length = tensor.rowLength * (tensor.shape[2] ?? 1);
    if (entry?.sums.length === length) weights.set(tensor.name, meanSquares(entry));
    else if (entry && !isEmbedding(tensor)) throw unfit(model, tensor, entry.sums.length, length);
    else if (NEEDING.has(type.name) && !TABLES.has(tensor.name))
      throw missing(model, tensor, type, importance !== undefined);
  }
  return weights;
}

const isEmbedding = ({ name }: TensorInfo): boolean => TABLES.has(name) && name !== 'output.weight';

function unfit(model: GgufModel, { name }: TensorInfo, received: number, expected: number): StarlingError {
  return new StarlingError(
    'invalid_argument',
    `${model.name}: the importance matrix has ${received} values for tensor ${quote(name)}, where ${expected} are expected; it is of another model`,
    { details: { file: model.name, tensor: name, received, expected } },
  );
}

function missing(model: GgufModel, { name }: TensorInfo, type: TensorType, isThere: boolean): StarlingError {
  return new StarlingError(
    'invalid_argument',
    `${model.name}: tensor ${quote(name)} would be ${type.name}, which needs an importance matrix, ${
      isThere ? 'and the one that was given lacks this tensor: compute it from more text' : 'and none was given'
    }; \`starling imatrix\` computes one`,
    { details: { file: model.name, tensor: name, type: type.name } },
  );
}

/** What a file says of the importance matrix that it was made by. */
export function importanceMetadata(
  { entries, datasets, chunkCount }: ImportanceMatrix,
  name: string | undefined,
): [string, MetadataEntry][] {
  const text = (value: string): MetadataEntry => ({ type: 'string', value: value.slice(0, MAX_TEXT) });
  const count = (value: number): MetadataEntry => ({ type: 'u32', value });
  return [
    ...(name === undefined ? [] : [['quantize.imatrix.file', text(name)] satisfies [string, MetadataEntry]]),
    ...(datasets.length === 0
      ? []
      : [['quantize.imatrix.dataset', text(datasets[0])] satisfies [string, MetadataEntry]]),
    ['quantize.imatrix.entries_count', count(entries.size)],
    ...(chunkCount === 0
      ? []
      : [['quantize.imatrix.chunks_count', count(chunkCount)] satisfies [string, MetadataEntry]]),
  ];
}
