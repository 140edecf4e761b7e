import * as v from 'valibot';
import { cacheFields } from '../cache-fields.js';
import { list, count, integer, number, text, tokenIds } from '../../schemas/fields.js';
import { loraList } from '../lora.js';
import { samplingFields } from '../../schemas/sampling.js';

/** Prompts of one request: each is queued as a request of its own. */
const MAX_PROMPTS = 128;

const { logprobs: _logprobs, prompt_logprobs: _promptLogprobs, ...sampling } = samplingFields;

/** The body of `POST /v1/completions`. Unknown fields are ignored, as that API does. */
export const completionSchema = v.looseObject({
  model: v.nullish(text(256)),
  prompt: v.union([
    v.string(),
    tokenIds(),
    v.pipe(list(v.union([v.string(), tokenIds()]), MAX_PROMPTS), v.minLength(1)),
  ]),
  suffix: v.nullish(v.string()),
  stream: v.nullish(v.boolean()),
  stream_options: v.nullish(v.looseObject({ include_usage: v.nullish(v.boolean()) })),
  max_tokens: v.nullish(count(-1)),
  n: v.nullish(integer(1, 128)),
  best_of: v.nullish(integer(1, 128)),
  echo: v.nullish(v.boolean()),
  logprobs: v.nullish(v.union([v.boolean(), integer(0, 100)])),
  ...sampling,
  ...cacheFields,
  lora: v.nullish(loraList()),
  seed: v.nullish(integer(Number.MIN_SAFE_INTEGER)),
  top_p: v.nullish(number(0, 1)),
});

export type CompletionBody = v.InferOutput<typeof completionSchema>;
