export type { EmbeddingOutput, KvType, ModelInfo, ModelRuntime, Pooling, SequenceInput, StepOutput, WeightConversion } from './runtime/model-runtime.js';
export { FakeModelRuntime, type FakeLogits, type FakeModelOptions } from './runtime/fake-model-runtime.js';
export { loadTransformer } from './load/load-transformer.js';
export type { LoadOptions, LoadProgress } from './load/load-options.js';
export { architectureNames } from './architecture/registry.js';
