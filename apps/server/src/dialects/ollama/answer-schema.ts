import * as v from 'valibot';

const number = v.number();
const texts = v.array(v.string());

const probability = { token: v.string(), logprob: number, bytes: v.array(number) };

/** What each answer has beside its words; durations are in nanoseconds. One that only loads has no figures. */
const answer = {
  model: v.string(),
  created_at: v.string(),
  logprobs: v.optional(v.array(v.object({ ...probability, top_logprobs: v.array(v.object(probability)) }))),
  done: v.boolean(),
  done_reason: v.optional(v.picklist(['stop', 'length', 'load', 'unload'])),
  total_duration: v.optional(number),
  load_duration: v.optional(number),
  prompt_eval_count: v.optional(number),
  prompt_eval_duration: v.optional(number),
  eval_count: v.optional(number),
  eval_duration: v.optional(number),
};

const call = v.object({
  id: v.optional(v.string()),
  function: v.object({ index: number, name: v.string(), arguments: v.unknown() }),
});

/** An answer of `POST /api/chat`; also each line of a stream. */
export const chatAnswer = v.object({
  ...answer,
  message: v.object({
    role: v.literal('assistant'),
    content: v.string(),
    thinking: v.optional(v.string()),
    tool_calls: v.optional(v.array(call)),
  }),
});

/** An answer of `POST /api/generate`; also each line of a stream. */
export const generateAnswer = v.object({ ...answer, response: v.string(), thinking: v.optional(v.string()) });

/** A model that is not loaded has none of these. */
const details = v.object({
  parent_model: v.optional(v.string()),
  format: v.optional(v.string()),
  family: v.optional(v.string()),
  families: v.optional(texts),
  parameter_size: v.optional(v.string()),
  quantization_level: v.optional(v.string()),
  context_length: v.optional(number),
  embedding_length: v.optional(number),
});
const model = {
  name: v.string(),
  model: v.string(),
  modified_at: v.string(),
  size: number,
  digest: v.string(),
  details,
  capabilities: v.optional(texts),
};

export const tagsAnswer = v.object({ models: v.array(v.object(model)) });
export const psAnswer = v.object({
  models: v.array(v.object({ ...model, expires_at: v.string(), size_vram: number, context_length: number })),
});
export const showAnswer = v.object({
  license: v.string(),
  modelfile: v.string(),
  parameters: v.string(),
  template: v.string(),
  details,
  model_info: v.record(v.string(), v.unknown()),
  capabilities: texts,
  modified_at: v.string(),
});
export const versionAnswer = v.object({ version: v.string() });
export const embedAnswer = v.object({
  model: v.string(),
  embeddings: v.array(v.array(number)),
  total_duration: number,
  load_duration: number,
  prompt_eval_count: v.optional(number),
});
export const embeddingsAnswer = v.object({ embedding: v.array(number) });
/** Also each line of a stream, which has more. */
export const pullAnswer = v.object({
  status: v.string(),
  digest: v.optional(v.string()),
  total: v.optional(number),
  completed: v.optional(number),
});
export const deleteAnswer = v.object({});
