import * as v from 'valibot';
import type { ErrorFacts } from '../../serving/error-reply.js';

/** llama-server's shape: the status again, its word, and figures of a prompt that is too long; with our own code, the field and the request's id. */
export function errorBody({ code, status, type, message, param, requestId, details }: ErrorFacts): object {
  const { promptTokens, limit } = details;
  const isTooLong = code === 'context_length_exceeded' && typeof promptTokens === 'number' && typeof limit === 'number';
  return {
    error: {
      code: status,
      message: isTooLong
        ? `the prompt (${promptTokens} tokens) exceeds the available context size (${limit} tokens)`
        : message,
      type,
      ...(isTooLong && { n_prompt_tokens: promptTokens, n_ctx: limit }),
      ...(param !== undefined && { param }),
      reason: code,
      request_id: requestId,
    },
  };
}

export const errorSchema = v.object({
  error: v.object({
    code: v.pipe(v.number(), v.integer(), v.description('the HTTP status')),
    message: v.string(),
    type: v.pipe(v.string(), v.description("llama-server's word for it")),
    n_prompt_tokens: v.optional(v.pipe(v.number(), v.integer(), v.description('of a prompt that is too long'))),
    n_ctx: v.optional(v.pipe(v.number(), v.integer(), v.description('what a prompt may have'))),
    param: v.optional(v.pipe(v.string(), v.description('the field at fault'))),
    reason: v.pipe(v.string(), v.description('a stable word')),
    request_id: v.string(),
  }),
});
