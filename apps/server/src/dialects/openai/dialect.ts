import type { Dialect } from '../dialect.js';
import { listModels, retrieveModel } from '../native/models.js';
import { chat } from './chat.js';
import { completions } from './completions.js';
import { embeddings } from './embeddings.js';
import { errorBody, errorSchema } from './error-body.js';
import { OPENAI_ERRORS } from './error-table.js';
import { responses } from './responses/endpoints.js';

/** OpenAI's API. */
export const openai: Dialect = {
  name: 'openai',
  description:
    "OpenAI's API. Unknown fields are ignored. Streams are server-sent events and end with `[DONE]`; those of `/v1/responses` have names. A failure after the beginning is an event whose data has `error`.",
  prefixes: ['/v1/chat', '/v1/responses'],
  errors: OPENAI_ERRORS,
  errorBody,
  errorSchema,
  fieldNames: { jsonSchema: 'response_format', logprobs: 'top_logprobs' },
  endpoints: [listModels, retrieveModel, chat, completions, embeddings, ...responses],
};
