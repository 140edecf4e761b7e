export type { ChatInput, ChatMessage } from './chat-types.js';
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
