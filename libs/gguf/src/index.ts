export { openGguf } from './open.js';
export { GgufModel, type RowRange } from './model.js';
export { memorySource, blobSource, type ByteSource, type GgufInput } from './byte-source.js';
export { TENSOR_TYPES, tensorTypeById, tensorTypeByName, bytesOfValues, type TensorType, type TensorTypeName } from './tensor-types.js';
export type { TensorInfo } from './read-tensors.js';
export type { GgufValue, NumberArray, ScalarType, ValueType } from './values.js';
export { LIMITS } from './limits.js';
