import type { ErrorTable } from '../../serving/error-reply.js';
import { NATIVE_ERRORS } from '../native/error-table.js';

const invalid = (status: number, apiCode?: string) => ({
  status,
  type: 'invalid_request_error',
  ...(apiCode !== undefined && { apiCode }),
});
const failed = (status: number) => ({ status, type: 'server_error', apiCode: 'server_error' });
const limited = { status: 429, type: 'rate_limit_error', apiCode: 'rate_limit_exceeded' };
const missing = invalid(404, 'model_not_found');

/**
 * OpenAI's words, which its clients tell failures apart by. What that API has no code for has ours. Nobody pays here, so that `insufficient_quota`,
 * which clients take for the end of all tries, is never said.
 */
export const OPENAI_ERRORS: ErrorTable = {
  ...NATIVE_ERRORS,
  unauthorized: invalid(401, 'invalid_api_key'),
  model_not_loaded: missing,
  model_loading: failed(503),
  rate_limited: limited,
  queue_full: limited,
  shutting_down: failed(503),
  out_of_memory: failed(503),
  kv_exhausted: failed(503),
  worker_failed: failed(503),
  closed: failed(503),
  download_failed: failed(502),
  checksum_mismatch: failed(502),
  internal: failed(500),
};
