import * as v from 'valibot';
import { cacheFields } from '../cache-fields.js';
import { list, count, integer, number, text, tokenId } from '../../schemas/fields.js';
import { loraList } from '../lora.js';
import { samplingFields } from '../../schemas/sampling.js';

/** Prompts of one request: each is queued as a request of its own. */
export const MAX_PROMPTS = 128;

const {
  logprobs: _logprobs,
  prompt_logprobs: _promptLogprobs,
  grammar: _grammar,
  stop: _stop,
  ...sampling
} = samplingFields;

/** A prompt: a text, ids, or stretches of both in a row. */
const mixed = v.array(v.union([tokenId(), v.string()]));
/** Pictures and sounds are for models that see or hear. An empty list says nothing. */
const media = v.nullish(
  v.pipe(
    v.union([v.string(), v.array(v.unknown())]),
    v.check((data) => data.length === 0, 'this needs a model that sees or hears, and none is served'),
  ),
);
/** A text in an object, where what comes beside it is for models that see or hear: none is served. */
const wrapped = v.pipe(
  v.looseObject({ prompt_string: v.string(), multimodal_data: media }),
  v.transform(({ prompt_string: text }) => text),
);
const prompt = v.union([v.string(), mixed, wrapped]);

/** Fields that say how to answer, for all routes that continue a text. */
export const continuationFields = {
  ...sampling,
  model: v.nullish(text(256)),
  stream: v.nullish(v.boolean()),
  n_predict: v.nullish(count(-1)),
  max_tokens: v.nullish(count(-1)),
  n_probs: v.nullish(integer(0, 100)),
  seed: v.nullish(integer(Number.MIN_SAFE_INTEGER)),
  top_k: v.nullish(integer(-(2 ** 31), 2 ** 31 - 1)),
  top_p: v.nullish(number(0)),
  stop: v.nullish(v.union([v.string(), v.array(v.string())])),
  grammar: v.nullish(v.string()),
  return_tokens: v.nullish(v.boolean()),
  /** Milliseconds; an answer is cut after the first line that is whole by then. */
  t_max_predict_ms: v.nullish(integer(-1)),
  /** Spaces and tabs that lines begin with, at least, but for the first: one that does not ends the answer. */
  n_indent: v.nullish(count()),
  lora: v.nullish(loraList()),
  t_max_prompt_ms: v.nullish(integer(-1)),
  post_sampling_probs: v.nullish(v.boolean()),
  ...cacheFields,
  /** What is computed is shared by all slots: the one that is asked for is where `/slots/ID` finds the answer. */
  id_slot: v.nullish(integer(-1, 2 ** 31 - 1)),
  response_fields: v.nullish(list(v.string(), 256)),
  /** One answer to each prompt. */
  n_cmpl: v.nullish(
    v.pipe(
      integer(1),
      v.check((answers) => answers === 1, 'a prompt is answered once: send it several times, as a list'),
    ),
  ),
  /** What older clients send beside the prompt. */
  image_data: media,
  timings_per_token: v.nullish(v.boolean()),
  return_progress: v.nullish(v.boolean()),
};

/** The body of `POST /completion`, in llama-server's names. Unknown fields are ignored, as that server does. */
export const completionSchema = v.looseObject({
  ...continuationFields,
  prompt: v.union([prompt, list(prompt, MAX_PROMPTS)]),
});

/** What a request says beside its prompt. */
export type CompletionFields = v.InferOutput<v.LooseObjectSchema<typeof continuationFields, undefined>>;
export type CompletionBody = v.InferOutput<typeof completionSchema>;
export type PromptPart = number | string;
