export type { ChatInput } from './chat-types.js';
export type {
  DonePart,
  FinishReason,
  GeneratePart,
  GenerateRequest,
  Generation,
  OutputConstraint,
  PromptInput,
  RequestOutcome,
  SamplePart,
  SampleResult,
  StopReason,
  Timings,
  TokenLogprobs,
  TokenPart,
  TokenProbability,
  Usage,
} from './generate-types.js';
export type { EngineEvent, ModelEvent, RegistryEvent } from './events.js';
export type {
  CloseOptions,
  EmbedOptions,
  EmbedResult,
  EngineModelInfo,
  LogitsResult,
  ModelMemory,
  ModelStatistics,
  PerplexityOptions,
  PerplexityResult,
  TokenizeOptions,
} from './model-types.js';
export { LanguageModel, createLanguageModel } from './language-model.js';
export type { ConstraintCompiler, OutputMatcher } from './constraint.js';
export type { ModelParts, ServingOptions } from './model-parts.js';
export type { RowVisitor } from './scoring.js';
export { ModelRegistry, type LoadProgress, type ModelLoader, type RegisteredModel, type RegistryOptions } from './registry.js';
export { Starling, type ModelData } from './starling.js';
export type { LoadOptions } from './load-options.js';
