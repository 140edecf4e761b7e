import type { DonePart, GenerateRequest, TokenLogprobs, TokenPart } from '@starling/engine';
import type { GenerateBody } from '../schemas/generate.js';

/** Our names for the sampler's parameters, and the engine's. */
const SAMPLING_NAMES = {
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
  min_keep: 'minKeep',
  logit_bias: 'logitBias',
  ignore_eos: 'ignoreEos',
  samplers: 'samplers',
} as const satisfies Partial<Record<keyof GenerateBody, keyof GenerateRequest>>;

/** Windows of tokens that llama-server takes -1 for, meaning all of them. */
const WHOLE_CONTEXT = ['repeat_last_n', 'dry_penalty_last_n'] as const;

/** The engine's parameters by our names, to name the field of an error that the engine raised. */
const FIELD_NAMES: ReadonlyMap<string, string> = new Map([
  ...Object.entries(SAMPLING_NAMES).map(([ours, theirs]) => [theirs, ours] as const),
  ['maxTokens', 'max_tokens'],
  ['tokens', 'prompt'],
  ['jsonSchema', 'json_schema'],
  ['promptLogprobs', 'prompt_logprobs'],
  ['deadlineMs', 'deadline_ms'],
]);

/** The field of the request body that the engine calls `param`. */
export const fieldName = (param: string) => FIELD_NAMES.get(param) ?? param;

/** The request as the engine takes it. `contextLength` stands in for windows of -1. */
export function toGenerateRequest(body: GenerateBody, id: string, signal: AbortSignal, contextLength: number): GenerateRequest {
  const limited = { ...body };
  for (const name of WHOLE_CONTEXT) if (limited[name] === -1) limited[name] = contextLength;
  const sampling = Object.entries(SAMPLING_NAMES).flatMap(([ours, theirs]) => {
    const value = limited[ours as keyof typeof SAMPLING_NAMES];
    return value === undefined ? [] : [[theirs, value] as const];
  });
  return {
    ...(typeof body.prompt === 'string' ? { prompt: body.prompt } : { tokens: body.prompt }),
    messages: body.messages,
    id,
    signal,
    maxTokens: body.max_tokens,
    stop: typeof body.stop === 'string' ? [body.stop] : body.stop,
    logprobs: logprobCount(body.logprobs),
    promptLogprobs: logprobCount(body.prompt_logprobs),
    grammar: body.grammar,
    jsonSchema: body.json_schema,
    priority: body.priority,
    deadlineMs: body.deadline_ms,
    ...(Object.fromEntries(sampling) as Partial<GenerateRequest>),
  };
}

/** `true` asks for the token's own log-probability, a number for that many of the most likely tokens too. */
const logprobCount = (asked: boolean | number | undefined) => (asked === true ? 0 : asked === false ? undefined : asked);

/** The data of an `event: token`. */
export function tokenEvent(part: TokenPart): object {
  return {
    index: part.index,
    id: part.id,
    text: part.text,
    ...(part.logprob === undefined ? {} : { logprob: part.logprob }),
    ...(part.logprobs === undefined || part.logprobs.top.length === 0 ? {} : { top_logprobs: logprobsOf(part.logprobs).top }),
  };
}

/** The body of the answer; an `event: done` has it without the text. */
export function generateResult(done: DonePart): object {
  return { ...head(done), text: done.text, ...rest(done) };
}

/** The data of an `event: done`. */
export function doneEvent(done: DonePart): object {
  return { ...head(done), ...rest(done) };
}

const head = ({ id, model }: DonePart) => ({ id, model });

function rest({ tokens, finishReason, stopSequence, usage, timings, logprobs, promptLogprobs }: DonePart): object {
  return {
    tokens,
    finish_reason: finishReason,
    ...(stopSequence === undefined ? {} : { stop_sequence: stopSequence }),
    usage: { prompt_tokens: usage.promptTokens, cached_tokens: usage.cachedTokens, completion_tokens: usage.completionTokens },
    timings: {
      queue_ms: rounded(timings.queueMs),
      prompt_ms: rounded(timings.promptMs),
      first_token_ms: rounded(timings.firstTokenMs),
      decode_ms: rounded(timings.decodeMs),
      prompt_tps: rounded(timings.promptTps),
      decode_tps: rounded(timings.decodeTps),
    },
    ...(logprobs === undefined ? {} : { logprobs: logprobs.map(logprobsOf) }),
    ...(promptLogprobs === undefined ? {} : { prompt_logprobs: promptLogprobs.map((entry) => (entry === undefined ? null : logprobsOf(entry))) }),
  };
}

const logprobsOf = ({ id, text, logprob, top }: TokenLogprobs) => ({
  id,
  text,
  logprob,
  top: top.map((entry) => ({ id: entry.id, text: entry.text, logprob: entry.logprob })),
});

/** Microseconds are enough. */
const rounded = (value: number) => Math.round(value * 1000) / 1000;
