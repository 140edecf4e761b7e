import * as v from 'valibot';
import { timingsSchema } from '../timings.js';

const number = v.number();
const usage = {
  prompt_tokens: number,
  completion_tokens: number,
  total_tokens: number,
  prompt_tokens_details: v.object({ cached_tokens: number }),
};
const finishReason = v.picklist(['stop', 'length', 'tool_calls']);

/** A token's log-probability; -9999 where it is impossible. */
const probability = { token: v.string(), bytes: v.array(number), logprob: number, id: number };
export const logprobSchema = v.object({ ...probability, top_logprobs: v.array(v.object(probability)) });

const head = { id: v.string(), created: number, model: v.string(), system_fingerprint: v.string() };

/** An answer of `POST /v1/chat/completions`. */
export const chatAnswer = v.object({
  ...head,
  object: v.literal('chat.completion'),
  choices: v.array(
    v.object({
      index: number,
      message: v.object({
        role: v.literal('assistant'),
        content: v.nullable(v.string()),
        refusal: v.null(),
        reasoning_content: v.optional(v.string()),
        reasoning: v.optional(v.string()),
        tool_calls: v.optional(
          v.array(
            v.union([
              v.object({
                id: v.string(),
                type: v.literal('function'),
                function: v.object({ name: v.string(), arguments: v.string() }),
              }),
              v.object({
                id: v.string(),
                type: v.literal('custom'),
                custom: v.object({ name: v.string(), input: v.string() }),
              }),
            ]),
          ),
        ),
      }),
      finish_reason: finishReason,
      warnings: v.optional(v.array(v.picklist(['tool_call_cut', 'tool_call_missed']))),
      logprobs: v.nullable(v.object({ content: v.array(logprobSchema), refusal: v.null() })),
    }),
  ),
  usage: v.object({ ...usage, completion_tokens_details: v.object({ reasoning_tokens: number }) }),
  timings: timingsSchema,
  __verbose: v.optional(
    v.object({
      prompt: v.string(),
      content: v.string(),
      tokens: v.array(number),
      tokens_evaluated: number,
      tokens_predicted: number,
    }),
  ),
});

/** An answer of `POST /v1/completions`. */
export const completionAnswer = v.object({
  ...head,
  object: v.literal('text_completion'),
  choices: v.array(
    v.object({
      text: v.string(),
      index: number,
      logprobs: v.nullable(
        v.object({
          tokens: v.array(v.string()),
          token_logprobs: v.array(v.nullable(number)),
          top_logprobs: v.array(v.nullable(v.record(v.string(), number))),
          text_offset: v.array(number),
        }),
      ),
      finish_reason: finishReason,
    }),
  ),
  usage: v.object(usage),
  timings: timingsSchema,
});

/** An answer of `POST /v1/embeddings`: vectors of numbers, or base64 of little-endian floats. */
export const embeddingsAnswer = v.object({
  object: v.literal('list'),
  data: v.array(
    v.object({ object: v.literal('embedding'), index: number, embedding: v.union([v.array(number), v.string()]) }),
  ),
  model: v.string(),
  usage: v.object({ prompt_tokens: number, total_tokens: number }),
});
