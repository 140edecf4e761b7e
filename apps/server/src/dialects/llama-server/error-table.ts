import type { ErrorTable } from '../../serving/error-reply.js';
import { NATIVE_ERRORS } from '../native/error-table.js';

const unavailable = { status: 503, type: 'unavailable_error' };
const missing = { status: 404, type: 'not_found_error' };

/** llama-server's words. */
export const LLAMA_SERVER_ERRORS: ErrorTable = {
  ...NATIVE_ERRORS,
  context_length_exceeded: { status: 400, type: 'exceed_context_size_error' },
  not_found: missing,
  file_not_found: missing,
  model_not_loaded: missing,
  model_loading: unavailable,
  shutting_down: unavailable,
  out_of_memory: unavailable,
  kv_exhausted: unavailable,
  worker_failed: unavailable,
  closed: unavailable,
};
