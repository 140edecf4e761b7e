import * as v from 'valibot';
import type { ErrorFacts } from '../../serving/error-reply.js';

/** OpenAI's shape, each field of which is there, with the request's id beside. Of limits the type says what ran out. */
export function errorBody({ code, apiCode = code, type, message, param, requestId, details }: ErrorFacts): object {
  const { limit } = details;
  const isMinute = code === 'rate_limited' && (limit === 'requests' || limit === 'tokens');
  return {
    error: { message, type: isMinute ? limit : type, param: param ?? null, code: apiCode, request_id: requestId },
  };
}

export const errorSchema = v.object({
  error: v.object({
    message: v.pipe(v.string(), v.description('what was wrong, where, and what to do')),
    type: v.pipe(v.string(), v.description('what kind of failure it is')),
    param: v.pipe(v.nullable(v.string()), v.description('the field at fault')),
    code: v.pipe(v.string(), v.description("OpenAI's word, such as model_not_found; else ours")),
    request_id: v.string(),
  }),
});
