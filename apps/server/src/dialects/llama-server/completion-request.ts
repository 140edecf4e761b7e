import { parameterError } from '@starling/core';
import type { GenerateRequest } from '@starling/engine';
import type { ServedModel } from '../../parts.js';
import { cacheTermsOf } from '../cache-fields.js';
import { samplingOf, seedOf } from '../sampling.js';
import { MAX_PROMPTS, type CompletionBody, type CompletionFields, type PromptPart } from './completion-schema.js';
import { slotLabel } from '../../saved/saved-slots.js';
import { stopsOf } from './generation-settings.js';

/** One prompt of a body: a text, or what stands in a row. */
export type Prompt = string | readonly PromptPart[];

/**
 * The prompts of a body, in order. A list of texts is as many prompts; a list that has an id in it is one prompt.
 * @throws StarlingError invalid_request if there is none
 */
export function promptsOf({ prompt }: CompletionBody): readonly Prompt[] {
  if (typeof prompt === 'string') return [prompt];
  if (prompt.length === 0)
    throw parameterError('invalid_request', 'prompt', 'the list is empty; send a text, token ids, or a list of those');
  const isOne = prompt.some((part) => typeof part === 'number');
  if (!isOne && prompt.length > MAX_PROMPTS)
    throw parameterError(
      'invalid_request',
      'prompt',
      `has ${prompt.length} prompts; send at most ${MAX_PROMPTS} at once`,
    );
  return isOne ? [prompt as PromptPart[]] : (prompt as Prompt[]);
}

/**
 * A request for one of the prompts.
 * @throws StarlingError invalid_request for what excludes each other
 */
export function completionRequestOf(body: CompletionFields, prompt: PreparedPrompt, id: string): GenerateRequest {
  const { grammar, json_schema: schema } = body;
  const limit = body.n_predict ?? body.max_tokens;
  if (grammar != null && grammar !== '' && schema != null)
    throw parameterError('invalid_request', 'grammar', 'excludes "json_schema": send one of them');
  const probs = (body.n_probs ?? 0) > 0 ? (body.n_probs ?? undefined) : undefined;
  return {
    ...samplingOf({
      ...body,
      top_k: body.top_k == null ? body.top_k : Math.max(body.top_k, 0),
      top_p: body.top_p == null ? body.top_p : Math.min(body.top_p, 1),
    }),
    ...seedOf(body.seed),
    ...(typeof prompt === 'string' ? { prompt } : { tokens: prompt.flat() }),
    id,
    session: body.id_slot == null || body.id_slot < 0 ? undefined : slotLabel(body.id_slot),
    maxTokens: limit == null ? undefined : limit < 0 ? Infinity : limit,
    stop: stopsOf(body),
    ...(body.post_sampling_probs === true ? { candidates: probs } : { logprobs: probs }),
    ...cacheTermsOf(body),
    progress: body.return_progress === true || body.timings_per_token === true,
    ...(grammar != null && grammar !== '' && { grammar }),
    ...(schema != null && { jsonSchema: schema }),
  };
}

/** A prompt as it is asked for: a text, or the ids of each of the parts that stand in a row. */
export type PreparedPrompt = string | readonly (readonly number[])[];

/** Texts and ids in a row, as ids. A text at the beginning gets what the vocabulary puts before texts; one further on stands as it is. */
export async function preparedPrompt(prompt: Prompt, model: Pick<ServedModel, 'encode'>): Promise<PreparedPrompt> {
  if (typeof prompt === 'string') return prompt;
  const parts: number[][] = [];
  for (const [i, part] of prompt.entries())
    parts.push(
      typeof part === 'number'
        ? [part]
        : Array.from((await model.encode(part, { addSpecial: i === 0, parseSpecial: true })).ids),
    );
  return parts;
}

/** Where the body has a token of a prompt, whose texts may be many tokens each. */
export function placeOf(prompt: PreparedPrompt, token: number, path: string): string {
  if (typeof prompt === 'string') return path;
  let end = 0;
  return `${path}[${prompt.findIndex((ids) => (end += ids.length) > token)}]`;
}
