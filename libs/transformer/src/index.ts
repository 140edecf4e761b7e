export type { AdapterSource } from './adapters/adapter.js';
export type { SequenceInput, StepOutput } from '@starling/scheduler';
export type {
  AdapterInfo,
  EmbeddingOutput,
  KvType,
  MemoryPlan,
  ModelInfo,
  ModelRuntime,
  Pooling,
  TextPooler,
  UnusedTensors,
  WeightConversion,
  WindowedPages,
} from './runtime/model-runtime.js';
export { loadTransformer } from './load/load-transformer.js';
export { planMemory } from './load/plan-transformer.js';
export type { LoadOptions, LoadProgress } from './load/load-options.js';
export { InputSums, type InputSum } from './runtime/input-sums.js';
export { architectureNames, hasTwoTexts } from './architecture/registry.js';
export { hasNextn } from './load/has-nextn.js';
