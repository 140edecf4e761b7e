import type { Dialect } from '../dialect.js';
import { chat, countTokens } from './chat.js';
import { completion } from './completion.js';
import { embedding } from './embedding.js';
import { errorBody, errorSchema } from './error-body.js';
import { LLAMA_SERVER_ERRORS } from './error-table.js';
import { infill } from './infill.js';
import { models } from './models.js';
import { predict } from './predict.js';
import { rerank } from './rerank.js';
import { loraAdapters, setLoraAdapters } from './lora-adapters.js';
import { props, setProps, slots } from './server-state.js';
import { slotActions } from './slot-actions.js';
import { applyTemplate, detokenize, tokenize, tokenizerInfo } from './text.js';

/** llama-server's own API. */
export const llamaServer: Dialect = {
  name: 'llama-server',
  prefixes: ['/slots'],
  description:
    "llama-server's own API. Unknown fields are ignored. Streams are server-sent events, the last of which has `stop: true`; a failure after the beginning is an event whose data has `error`.",
  errors: LLAMA_SERVER_ERRORS,
  errorBody,
  errorSchema,
  fieldNames: { maxTokens: 'n_predict', logprobs: 'n_probs' },
  endpoints: [
    completion,
    chat,
    countTokens,
    infill,
    embedding,
    rerank,
    predict,
    tokenize,
    detokenize,
    applyTemplate,
    tokenizerInfo,
    ...models,
    props,
    setProps,
    slots,
    slotActions,
    loraAdapters,
    setLoraAdapters,
  ],
};
