export {
  createSampler,
  type Sampler,
  type SampledToken,
  type SamplerState,
  type TokenConstraint,
  type Candidate,
} from './sampler.js';
export {
  DEFAULT_SAMPLER_PARAMS,
  resolveSamplerParams,
  type SamplerParams,
  type SamplerOptions,
  type LogitBias,
} from './params.js';
export { samplerDefaults } from './model-defaults.js';
export { type SamplerVocabulary } from './vocabulary.js';
export { vocabularyOf, type VocabularySource } from './vocabulary-of.js';
export { nearestStageName, stagesInSnakeCase, unknownStageNames, type StageName } from './stage-names.js';
export {
  logProbabilities,
  promptLogProbabilities,
  type TokenLogProbability,
  type TokenLogProbabilities,
} from './log-probabilities.js';
export { StopMonitor, type StopCheck } from './stop-monitor.js';
export {
  StopConditions,
  finishReasonOf,
  type StopReason,
  type StopRules,
  type StopStep,
  type FinishReason,
} from './stop-conditions.js';
export { Candidates } from './candidates.js';
export { type SamplerStage, type StageState, statelessStage } from './stage.js';
export { sampleStageViolations } from './stage-check.js';
export { type StageFactory, type SamplerSettings } from './chain.js';
export { Mt19937, type Mt19937State } from './mt19937.js';
