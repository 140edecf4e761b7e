import * as v from 'valibot';
import type { ErrorFacts } from '../../serving/error-reply.js';

/** The one shape of our errors: OpenAI's, with a stable code and the request's id in it. */
export function errorBody({ code, type, message, param, requestId }: ErrorFacts): object {
  return { error: { code, type, message, ...(param !== undefined && { param }), request_id: requestId } };
}

export const errorSchema = v.object({
  error: v.object({
    code: v.pipe(v.string(), v.description('a stable word')),
    type: v.pipe(v.string(), v.description('what kind of failure it is')),
    message: v.pipe(v.string(), v.description('what was wrong, where, and what to do')),
    param: v.optional(v.pipe(v.string(), v.description('the field at fault'))),
    request_id: v.string(),
  }),
});
