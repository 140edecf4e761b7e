import * as v from 'valibot';
import type { Dialect } from '../dialect.js';
import { ANTHROPIC_ERRORS } from './error-table.js';
import { countTokens, messages } from './messages.js';

/** Anthropic's API. */
export const anthropic: Dialect = {
  name: 'anthropic',
  description:
    "Anthropic's API. Unknown fields are ignored. A stream is server-sent events from `message_start` to `message_stop`, or to `error`.",
  prefixes: ['/v1/messages'],
  errors: ANTHROPIC_ERRORS,
  errorBody: ({ type, message, requestId }) => ({ type: 'error', error: { type, message }, request_id: requestId }),
  errorSchema: v.object({
    type: v.literal('error'),
    error: v.object({ type: v.string(), message: v.string() }),
    request_id: v.string(),
  }),
  errorEvent: 'error',
  fieldNames: { jsonSchema: 'output_config', stop: 'stop_sequences' },
  requestIdHeader: 'request-id',
  endpoints: [messages, countTokens],
};
