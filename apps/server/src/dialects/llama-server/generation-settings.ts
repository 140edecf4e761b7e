import { DEFAULT_SAMPLER_PARAMS, stagesInSnakeCase, type LogitBias, type SamplerParams } from '@starling/sampler';
import type { Tokenizer } from '@starling/tokenizer';
import type { ServedModel } from '../../parts.js';
import { SAMPLING_NAMES } from '../sampling.js';
import type { CompletionFields } from './completion-schema.js';

/** What llama-server writes for a seed that is drawn anew each time. */
const RANDOM_SEED = 2 ** 32 - 1;

/** The parameters of a request as they were taken, each with its value, in llama-server's fields. */
export function generationSettings(model: ServedModel, body: CompletionFields = {}): Record<string, unknown> {
  const limit = body.n_predict ?? body.max_tokens ?? model.defaults.maxTokens ?? -1;
  const ignoresEos = valueOf('ignore_eos', model, body) === true;
  return {
    ...Object.fromEntries(
      Object.keys(SAMPLING_NAMES).map((name) => [name, valueOf(name as keyof typeof SAMPLING_NAMES, model, body)]),
    ),
    seed: seedOf(valueOf('seed', model, body)),
    samplers: stagesInSnakeCase(valueOf('samplers', model, body) as SamplerParams['samplers']),
    stop: stopsOf(body),
    max_tokens: limit,
    n_predict: limit,
    n_keep: 0,
    n_discard: 0,
    ignore_eos: ignoresEos,
    stream: body.stream ?? false,
    logit_bias: [
      ...biasesOf((valueOf('logit_bias', model, body) ?? []) as LogitBias, model.tokenizer),
      ...(ignoresEos ? Array.from(model.tokenizer.special.endOfGeneration, (token) => ({ token, bias: null })) : []),
    ],
    n_probs: body.n_probs ?? 0,
    grammar: body.grammar ?? '',
    grammar_lazy: false,
    grammar_triggers: [],
    preserved_tokens: [],
    chat_format: 'Content-only',
    reasoning_format: 'none',
    reasoning_in_content: false,
    generation_prompt: '',
    'speculative.types': model.info.draftTokens > 0 ? 'ngram-simple' : 'none',
    timings_per_token: body.timings_per_token ?? false,
    post_sampling_probs: body.post_sampling_probs ?? false,
    backend_sampling: false,
    lora: body.lora ?? [],
  };
}

/** What a request says of a parameter, else what the model is served with, else the sampler's own default. */
function valueOf(name: keyof typeof SAMPLING_NAMES, { samplerDefaults }: ServedModel, body: CompletionFields): unknown {
  const own = SAMPLING_NAMES[name];
  return body[name] ?? samplerDefaults[own] ?? DEFAULT_SAMPLER_PARAMS[own];
}

const seedOf = (seed: unknown): number => (typeof seed === 'number' && seed >= 0 ? seed % 2 ** 32 : RANDOM_SEED);

/** Texts that end an answer; empty ones say nothing. */
export const stopsOf = ({ stop }: CompletionFields): readonly string[] =>
  (typeof stop === 'string' ? [stop] : (stop ?? [])).filter((text) => text !== '');

/** A bias for a text is one for each of its tokens. JSON has no infinity: a ban is null. */
function biasesOf(biases: LogitBias, tokenizer: Tokenizer): object[] {
  const pairs: readonly (readonly [number | string, number | false])[] = Array.isArray(biases)
    ? biases
    : Object.entries(biases);
  return pairs.flatMap(([key, value]) => {
    const bias = value === false || value === -Infinity ? null : value;
    const ids = typeof key === 'number' ? [key] : /^\d+$/.test(key) ? [Number(key)] : Array.from(tokenizer.encode(key));
    return ids.map((token) => ({ token, bias }));
  });
}
