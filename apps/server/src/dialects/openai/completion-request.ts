import { StarlingError } from '@starling/core';
import type { GenerateRequest, PromptInput } from '@starling/engine';
import { cacheTermsOf, refusePriority } from '../cache-fields.js';
import type { ServedModel } from '../../parts.js';
import { samplingOf, seedOf } from '../sampling.js';
import { canFillIn, infillTokens } from '../infill-tokens.js';
import type { CompletionBody } from './completion-schema.js';

/** What the API uses where a client says nothing. */
const DEFAULTS = { temperature: 1, topP: 1 } as const;
const DEFAULT_MAX_TOKENS = 16;

/** One prompt of a body, as text or as ids. */
export type CompletionPrompt = string | readonly number[];

/** The prompts of a body, in order. */
export function promptsOf({ prompt }: CompletionBody): readonly CompletionPrompt[] {
  if (typeof prompt === 'string') return [prompt];
  return typeof prompt[0] === 'number' ? [prompt as number[]] : (prompt as (string | number[])[]);
}

/**
 * A request for one of the prompts.
 * @throws StarlingError invalid_request for what is known and cannot be had, by name
 */
export async function completionRequestOf(
  body: CompletionBody,
  model: ServedModel,
  prompt: CompletionPrompt,
  id: string,
): Promise<GenerateRequest> {
  const { defaults } = model;
  refusePriority(body);
  if (body.best_of != null && body.best_of !== (body.n ?? 1))
    throw refused('best_of', 'best_of must be the same as n: all answers are given');
  const { max_tokens: maxTokens, logprobs, echo, grammar, json_schema: schema } = body;
  const count = logprobs === true ? 0 : logprobs === false || logprobs == null ? undefined : logprobs;
  return {
    ...(defaults.sampling === undefined && DEFAULTS),
    ...samplingOf(body),
    ...seedOf(body.seed),
    ...(await promptOf(body, model, prompt)),
    id,
    maxTokens: maxTokens == null ? (defaults.maxTokens ?? DEFAULT_MAX_TOKENS) : maxTokens < 0 ? Infinity : maxTokens,
    stop: typeof body.stop === 'string' ? [body.stop] : (body.stop ?? undefined),
    n: body.n ?? undefined,
    ...cacheTermsOf(body),
    logprobs: count,
    promptLogprobs: echo === true ? count : undefined,
    ...(grammar != null && { grammar }),
    ...(schema != null && { jsonSchema: schema }),
  };
}

/** A text with a suffix is a place to be filled in. */
async function promptOf(
  { suffix, echo, max_tokens: limit }: CompletionBody,
  model: ServedModel,
  prompt: CompletionPrompt,
): Promise<PromptInput> {
  if (suffix == null || suffix === '') return typeof prompt === 'string' ? { prompt } : { tokens: prompt };
  if (!canFillIn(model.tokenizer))
    throw refused('suffix', 'suffix needs a model that fills in the middle: leave it out');
  if (typeof prompt !== 'string') throw refused('suffix', 'suffix needs a prompt that is text');
  if (echo === true)
    throw refused('echo', 'echo cannot be had with "suffix": what is filled in stands between the two');
  return {
    tokens: await infillTokens(
      { input_prefix: prompt, input_suffix: suffix, n_predict: limit ?? DEFAULT_MAX_TOKENS },
      model,
    ),
  };
}

function refused(param: string, message: string): StarlingError {
  return new StarlingError('invalid_request', message, { details: { param } });
}
