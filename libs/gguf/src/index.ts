export { openGguf } from './open.js';
export { GgufModel, type RowRange } from './model.js';
export { memorySource, blobSource, type ByteSource, type GgufInput } from './byte-source.js';
export {
  TENSOR_TYPES,
  tensorTypeById,
  tensorTypeByName,
  bytesOfValues,
  type TensorType,
  type TensorTypeName,
} from './tensor-types.js';
export { weightFacts, type WeightFacts } from './weight-facts.js';
export type { TensorInfo } from './read-tensors.js';
export type { GgufValue, NumberArray, ScalarType, ValueType } from './values.js';
export { LIMITS } from './limits.js';
export { dequantize } from './dequantize.js';
export { codebook, evenSigns, type CodebookName } from './formats/codebooks.js';
export { FP4_VALUES, IQ4_VALUES } from './formats/fp4.js';
export { quantize, canQuantize } from './quantize.js';
export { GgufWriter, type ByteSink } from './writer.js';
export type { GgufFormat, MetadataEntry } from './encode-header.js';
export { type RowConversion, type RowConverter } from './row-converter.js';
export { writeModel, type WriteModelOptions, type WriteProgress } from './write-model.js';
export { quantizeModel, type QuantizeModelOptions } from './quantize-model.js';
export {
  combineImportance,
  meanSquares,
  writeImportanceMatrix,
  type ImportanceEntry,
  type ImportanceMatrix,
} from './importance-matrix.js';
export { readImportanceMatrix } from './read-importance.js';
export { chooseTensorTypes, type ChooseTypesOptions } from './choose-types.js';
export { FILE_TYPES, fileTypeByName, fileTypeName, type FileType, type FileTypeName } from './file-types.js';
export { openGgufUrl, partUrls } from './open-url.js';
export { openHttpSource, type HttpFile, type HttpSourceOptions } from './http-source.js';
export { parsePartName, partName, type PartName } from './split.js';
