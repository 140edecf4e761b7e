export type { FinishReason, StopReason } from '@starling/sampler';
export type { ChatInput } from './chat-types.js';
export type {
  DonePart,
  DrawnToken,
  GenerateOptions,
  GeneratePart,
  GenerateRequest,
  Generation,
  LazyList,
  MessagesPrompt,
  OutputConstraint,
  PromptInput,
  PromptPart,
  RequestOutcome,
  SamplePart,
  SampleResult,
  SessionPrompt,
  TextPrompt,
  Timings,
  TokenDraw,
  TokenLogprobs,
  TokenPart,
  TokenProbability,
  TokenPrompt,
  Usage,
} from './generate-types.js';
export type { EngineEvent, ModelEvent, RegistryEvent } from './events.js';
export type { DraftModelParts, DraftModelStatistics } from './drafting/draft-model.js';
export type { SpeculationOptions } from './drafting/speculation-options.js';
export type { RequestTerms } from './request-terms.js';
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
export type { RankedDocument, RerankOptions, RerankResult } from './rerank.js';
export type { TenantStatistics } from '@starling/scheduler';
export type { SharedPrefix } from './shared-prefix.js';
export type { SavedSession } from './saved-session.js';
export type { SessionInfo, TenantSessions } from './session-types.js';
export {
  answerChat,
  wholeAnswer,
  type AnswerWarning,
  type ChatAnswer,
  type ChatModel,
  type ChatPart,
  type ChatRequest,
  type ChatSample,
} from './chat/answer-chat.js';
export { CallIds } from './chat/call-ids.js';
export type { ToolChoice } from './chat/tool-constraint.js';
export { textOf, textStreamOf } from './answer-text.js';
export { LanguageModel, createLanguageModel } from './language-model.js';
export type { ConstraintCompiler, OutputMatcher } from './constraint.js';
export type { ModelParts, ServingOptions } from './model-parts.js';
export type { RowVisitor } from './scoring.js';
export {
  ModelRegistry,
  type LoadProgress,
  type ModelLoader,
  type RegisteredModel,
  type RegistryOptions,
  type ReloadOptions,
} from './registry.js';
export type { AsideJobs, AsideKind, AsideWork } from './aside/aside-job.js';
export type { BesideModel } from './beside-model.js';
export type { StepCaller } from './aside/steps.js';
export type { AdapterState } from './adapters.js';
export type { ModelData } from './model-data.js';
export type { ModelFile, ModelSource, StarlingLoader } from './starling-loader.js';
export type { AdapterOptions, LoadOptions } from './load-options.js';
