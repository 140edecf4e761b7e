import { StarlingError } from '@starling/core';
import { chooseTensorTypes, type ChooseTypesOptions } from './choose-types.js';
import type { MetadataEntry } from './encode-header.js';
import { FILE_TYPES, fileTypeByName } from './file-types.js';
import { importanceFor, importanceMetadata } from './importance-use.js';
import type { ImportanceMatrix } from './importance-matrix.js';
import type { GgufModel } from './model.js';
import { quote } from './read-metadata.js';
import type { TensorType } from './tensor-types.js';
import { writeModel, type WriteModelOptions } from './write-model.js';
import type { ByteSink } from './writer.js';

/** How a model is quantized. */
export interface QuantizeModelOptions
  extends Omit<ChooseTypesOptions, 'hasImportance'>,
    Omit<WriteModelOptions, 'types' | 'metadata' | 'importance'> {
  /** How much each column of the matrices matters. Types of less than about three bits cannot be made without. Default: all columns alike. */
  readonly importance?: ImportanceMatrix;
  /** What the metadata call the importance matrix: the name of its file. Default: nothing. */
  readonly importanceName?: string;
  /** Whether tensors that are quantized already may be quantized again, which adds to their error. Default false. */
  readonly allowRequantize?: boolean;
}

/** The version of the block formats that files are marked with. */
const QUANTIZATION_VERSION = 2;

/**
 * Writes a model in another mix (`Q4_K_M`, `Q8_0`, ...): the tensor types that llama.cpp would choose, `general.file_type` set.
 * @returns the type each tensor was given
 * @throws StarlingError invalid_argument for an unknown mix, a file that is an importance matrix, a model that is quantized already, or an importance matrix that does not fit or
 *   is missing where a type needs one; and what `writeModel` throws
 */
export async function quantizeModel(
  model: GgufModel,
  fileType: string,
  sink: ByteSink,
  options: QuantizeModelOptions = {},
): Promise<ReadonlyMap<string, TensorType>> {
  const name = fileTypeByName(fileType);
  if (name === undefined) {
    throw new StarlingError(
      'invalid_argument',
      `${fileType} is no type that can be made; these can: ${Object.keys(FILE_TYPES).join(', ')}`,
      { details: { fileType } },
    );
  }
  if (model.metadata.get('general.type') === 'imatrix')
    throw new StarlingError(
      'invalid_argument',
      `${model.name} is an importance matrix, not a model: name the model, and this file with --imatrix (importance)`,
      { details: { file: model.name } },
    );
  const { importance, importanceName } = options;
  const types = chooseTensorTypes(model, name, { ...options, hasImportance: importance !== undefined });
  if (!options.allowRequantize) refuseRequantizing(model, types);
  const weights = importanceFor(model, types, importance);
  const metadata = new Map<string, MetadataEntry>([
    ['general.quantization_version', { type: 'u32', value: QUANTIZATION_VERSION }],
    ['general.file_type', { type: 'u32', value: FILE_TYPES[name].id }],
    ...(importance ? importanceMetadata(importance, importanceName) : []),
  ]);
  await writeModel(model, sink, { ...options, types, metadata, importance: weights });
  return types;
}

function refuseRequantizing(model: GgufModel, types: ReadonlyMap<string, TensorType>): void {
  for (const tensor of model.tensors.values()) {
    const to = types.get(tensor.name);
    if (to === tensor.type || tensor.type.blockSize === 1) continue;
    throw new StarlingError(
      'invalid_argument',
      `${model.name}: tensor ${quote(tensor.name)} is ${tensor.type.name} already; quantizing it again adds to its error, so start from an F32, F16 or BF16 file or allow it (--allow-requantize, allowRequantize)`,
      { details: { file: model.name, tensor: tensor.name, type: tensor.type.name } },
    );
  }
}
