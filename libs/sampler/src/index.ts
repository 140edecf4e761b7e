export { createSampler, type Sampler, type SampledToken, type SamplerState, type TokenConstraint, type Candidate } from './sampler.js';
export { DEFAULT_SAMPLER_PARAMS, resolveSamplerParams, type SamplerParams, type SamplerOptions, type LogitBias } from './params.js';
export { type SamplerVocabulary } from './vocabulary.js';
export { Candidates } from './candidates.js';
export { type SamplerStage, type StageState, statelessStage } from './stage.js';
export { type StageFactory, type SamplerSettings } from './chain.js';
export { Mt19937, type Mt19937State } from './mt19937.js';
