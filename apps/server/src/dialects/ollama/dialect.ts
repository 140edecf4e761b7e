import * as v from 'valibot';
import type { Dialect } from '../dialect.js';
import { NATIVE_ERRORS } from '../native/error-table.js';
import { chat, generate } from './answers.js';
import { embed, embeddings } from './embeddings.js';
import { pull, remove } from './library.js';
import { ps, show, tags, version } from './models.js';

/** Ollama's API. Its errors are one text; their statuses are ours. */
export const ollama: Dialect = {
  name: 'ollama',
  description:
    "Ollama's API. Unknown fields are ignored. A stream is lines of JSON, and asked for unless `stream` is false; its last line has `done: true`, or `error`.",
  prefixes: ['/api'],
  errors: NATIVE_ERRORS,
  // Its clients look for these words.
  errorBody: ({ code, message, details: { model } }) => ({
    error:
      code === 'model_not_loaded' && typeof model === 'string' ? `model '${model}' not found: ${message}` : message,
  }),
  errorSchema: v.object({ error: v.string() }),
  fieldNames: { jsonSchema: 'format', maxTokens: 'num_predict' },
  takesUntypedBodies: true,
  endpoints: [version, tags, ps, show, embed, embeddings, chat, generate, pull, remove],
};
