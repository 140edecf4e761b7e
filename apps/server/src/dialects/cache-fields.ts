import { parameterError } from '@starling/core';
import type { GenerateRequest } from '@starling/engine';
import * as v from 'valibot';
import { text } from '../schemas/fields.js';

/** Who may share what is computed for a prompt: fields of every route that generates, whatever API it is of, since they narrow what is shared. */
export const cacheFields = {
  cache_salt: v.nullish(text(256)),
  cache_prompt: v.nullish(v.boolean()),
};

interface CacheFields {
  readonly cache_salt?: string | null;
  readonly cache_prompt?: boolean | null;
}

/** The same as the engine takes it. */
export const cacheTermsOf = ({
  cache_salt: salt,
  cache_prompt: shares,
}: CacheFields): Pick<GenerateRequest, 'cacheSalt' | 'cachePrompt'> => ({
  ...(salt != null && { cacheSalt: salt }),
  ...(shares != null && { cachePrompt: shares }),
});

/**
 * A `priority` of our own API is refused where another API's route has none: who sends it counts on what it does there. Other unknown fields are left
 * alone as those APIs do, `session_id` among them: balancers read it.
 * @throws StarlingError invalid_request
 */
export function refusePriority(body: Readonly<Record<string, unknown>>): void {
  if (body.priority != null)
    throw parameterError('invalid_request', 'priority', 'only POST /v1/generate has this field: leave it out here');
}
