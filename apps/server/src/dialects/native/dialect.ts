import type { Dialect } from '../dialect.js';
import { errorBody, errorSchema } from './error-body.js';
import { NATIVE_ERRORS } from './error-table.js';
import { generate } from './generate.js';
import { metrics } from './metrics.js';
import { modelFile } from './model-file.js';
import { models } from './models.js';
import { sessions } from './sessions.js';
import { status } from './status.js';
import { detokenize, tokenize } from './tokenize.js';

/** Our own API. Paths that belong to no other API get its errors. */
export const native: Dialect = {
  name: 'native',
  description:
    'Our own API. Unknown fields are refused. A stream is server-sent events: one `token` for each token, then one `done`, or one `error`.',
  errors: NATIVE_ERRORS,
  errorBody,
  errorSchema,
  errorEvent: 'error',
  endpoints: [generate, ...sessions, tokenize, detokenize, ...models, modelFile, status, metrics],
};
