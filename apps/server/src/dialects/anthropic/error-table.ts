import type { ErrorTable } from '../../serving/error-reply.js';
import { NATIVE_ERRORS } from '../native/error-table.js';

const refused = { status: 400, type: 'invalid_request_error' };
const failed = { status: 500, type: 'api_error' };
const busy = { status: 503, type: 'overloaded_error' };
const limited = { status: 429, type: 'rate_limit_error' };
const late = { status: 408, type: 'timeout_error' };
const missing = { status: 404, type: 'not_found_error' };

/** Anthropic's words. */
export const ANTHROPIC_ERRORS: ErrorTable = {
  ...NATIVE_ERRORS,
  unauthorized: { status: 401, type: 'authentication_error' },
  forbidden: { status: 403, type: 'permission_error' },
  not_found: missing,
  file_not_found: missing,
  model_not_loaded: missing,
  model_loading: busy,
  method_not_allowed: { ...refused, status: 405 },
  request_timeout: late,
  deadline_exceeded: late,
  request_too_large: { status: 413, type: 'request_too_large' },
  queue_full: limited,
  rate_limited: limited,
  cancelled: { ...refused, status: 499 },
  shutting_down: busy,
  out_of_memory: busy,
  kv_exhausted: busy,
  worker_failed: busy,
  closed: busy,
  download_failed: { ...failed, status: 502 },
  checksum_mismatch: { ...failed, status: 502 },
  internal: failed,
};
