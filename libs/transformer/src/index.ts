export type { EmbeddingOutput, KvType, ModelInfo, ModelRuntime, Pooling, SequenceInput, StepOutput } from './runtime/model-runtime.js';
export { FakeModelRuntime, type FakeLogits, type FakeModelOptions } from './runtime/fake-model-runtime.js';
