import type { ErrorTable, ErrorWord } from '../../serving/error-reply.js';

const invalid = (status: number): ErrorWord => ({ status, type: 'invalid_request_error' });
const server = (status: number): ErrorWord => ({ status, type: 'server_error' });

/** Our own words, which are OpenAI's. Tables of other APIs name what is otherwise there. */
export const NATIVE_ERRORS: ErrorTable = {
  invalid_json: invalid(400),
  invalid_request: invalid(400),
  invalid_argument: invalid(400),
  context_length_exceeded: invalid(400),
  invalid_grammar: invalid(400),
  invalid_template: invalid(400),
  invalid_model_file: invalid(400),
  invalid_vocabulary: invalid(400),
  unsupported_model: invalid(400),
  unauthorized: { status: 401, type: 'authentication_error' },
  forbidden: { status: 403, type: 'permission_error' },
  not_found: invalid(404),
  file_not_found: invalid(404),
  model_not_loaded: invalid(404),
  model_loading: server(503),
  method_not_allowed: invalid(405),
  request_timeout: { status: 408, type: 'timeout_error' },
  deadline_exceeded: { status: 408, type: 'timeout_error' },
  conflict: invalid(409),
  request_too_large: invalid(413),
  unsupported_media_type: invalid(415),
  unprocessable: invalid(422),
  queue_full: { status: 429, type: 'rate_limit_error' },
  rate_limited: { status: 429, type: 'rate_limit_error' },
  cancelled: { status: 499, type: 'cancelled' },
  shutting_down: server(503),
  out_of_memory: server(503),
  kv_exhausted: server(503),
  worker_failed: server(503),
  download_failed: server(502),
  checksum_mismatch: server(502),
  closed: server(503),
  internal: server(500),
  not_supported: { status: 501, type: 'not_supported_error' },
};
