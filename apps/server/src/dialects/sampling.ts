import type { GenerateOptions, GenerateRequest } from '@starling/engine';
import type { samplingFields } from '../schemas/sampling.js';

/** Our names for the sampler's parameters, and the engine's. */
export const SAMPLING_NAMES = {
  seed: 'seed',
  temperature: 'temperature',
  top_k: 'topK',
  top_p: 'topP',
  min_p: 'minP',
  typical_p: 'typicalP',
  top_n_sigma: 'topNSigma',
  xtc_probability: 'xtcProbability',
  xtc_threshold: 'xtcThreshold',
  repeat_penalty: 'repeatPenalty',
  repeat_last_n: 'repeatLastN',
  presence_penalty: 'presencePenalty',
  frequency_penalty: 'frequencyPenalty',
  dry_multiplier: 'dryMultiplier',
  dry_base: 'dryBase',
  dry_allowed_length: 'dryAllowedLength',
  dry_penalty_last_n: 'dryPenaltyLastN',
  dry_sequence_breakers: 'drySequenceBreakers',
  mirostat: 'mirostat',
  mirostat_tau: 'mirostatTau',
  mirostat_eta: 'mirostatEta',
  dynatemp_range: 'dynatempRange',
  dynatemp_exponent: 'dynatempExponent',
  adaptive_target: 'adaptiveTarget',
  adaptive_decay: 'adaptiveDecay',
  min_keep: 'minKeep',
  logit_bias: 'logitBias',
  ignore_eos: 'ignoreEos',
  samplers: 'samplers',
} as const satisfies Partial<Record<keyof typeof samplingFields, keyof GenerateRequest>>;

/** The engine's parameters by our names, to name the field of an error that the engine raised. */
const FIELD_NAMES: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.entries(SAMPLING_NAMES).map(([ours, theirs]) => [theirs, ours])),
  maxTokens: 'max_tokens',
  tokens: 'prompt',
  jsonSchema: 'json_schema',
  toolCalls: 'tools',
  promptLogprobs: 'prompt_logprobs',
  deadlineMs: 'deadline_ms',
  maxWaitMs: 'max_wait_ms',
  cacheSalt: 'cache_salt',
  cachePrompt: 'cache_prompt',
  sessionId: 'session_id',
  newSessionId: 'new_session_id',
  idleMs: 'ttl_seconds',
  file: 'filename',
  adapters: 'lora',
};

/**
 * The field of a request body that the engine calls `param`, or a place within it (`logitBias[0][1]`).
 * @param isField whether a body of this kind has a field of that name
 * @param names fields of an API that are not called as ours
 */
export function fieldName(
  param: string,
  isField: (name: string) => boolean,
  names: Readonly<Record<string, string>> = {},
): string {
  const head = param.split(/[.[]/, 1)[0];
  return (names[head] ?? (isField(head) ? head : (FIELD_NAMES[head] ?? head))) + param.slice(head.length);
}

/** How tokens are chosen, as the engine takes it: what a body says under our names. Null says nothing. */
export function samplingOf(body: { readonly [Name in keyof typeof SAMPLING_NAMES]?: unknown }): GenerateOptions {
  const sampling = Object.entries(SAMPLING_NAMES).flatMap(([ours, theirs]) => {
    const value = body[ours as keyof typeof SAMPLING_NAMES];
    return value === undefined || value === null ? [] : [[theirs, value] as const];
  });
  return Object.fromEntries(sampling) as GenerateOptions;
}

/** Seeds are any whole number in other APIs; the sampler's has 32 bits. */
export function seedOf(seed: number | null | undefined): { seed?: number } {
  return seed == null ? {} : { seed: seed < 0 ? seed : seed % 2 ** 32 };
}
