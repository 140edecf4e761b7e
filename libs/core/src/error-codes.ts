/** What a failure means to a caller over HTTP: the status, the OpenAI error type, and whether the same call may succeed later. */
export interface ErrorKind {
  readonly status: number;
  readonly type: string;
  readonly retryable: boolean;
}

const invalid = (status: number): ErrorKind => ({ status, type: 'invalid_request_error', retryable: false });
const server = (status: number, retryable: boolean): ErrorKind => ({ status, type: 'server_error', retryable });

/** The one table from error code to HTTP status, API type and retryability. A code, once published, keeps its meaning. */
export const ERROR_KINDS = {
  invalid_json: invalid(400),
  invalid_request: invalid(400),
  invalid_argument: invalid(400),
  context_length_exceeded: invalid(400),
  invalid_grammar: invalid(400),
  invalid_template: invalid(400),
  invalid_model_file: invalid(400),
  invalid_vocabulary: invalid(400),
  unsupported_model: invalid(400),
  unauthorized: { status: 401, type: 'authentication_error', retryable: false },
  forbidden: { status: 403, type: 'permission_error', retryable: false },
  not_found: invalid(404),
  file_not_found: invalid(404),
  model_not_loaded: invalid(404),
  method_not_allowed: invalid(405),
  request_timeout: { status: 408, type: 'timeout_error', retryable: true },
  deadline_exceeded: { status: 408, type: 'timeout_error', retryable: true },
  conflict: invalid(409),
  request_too_large: invalid(413),
  unsupported_media_type: invalid(415),
  unprocessable: invalid(422),
  queue_full: { status: 429, type: 'rate_limit_error', retryable: true },
  rate_limited: { status: 429, type: 'rate_limit_error', retryable: true },
  cancelled: { status: 499, type: 'cancelled', retryable: false },
  shutting_down: server(503, true),
  out_of_memory: server(503, true),
  kv_exhausted: server(503, true),
  worker_failed: server(503, true),
  download_failed: server(502, true),
  checksum_mismatch: server(502, false),
  closed: server(503, false),
  internal: server(500, false),
} as const satisfies Record<string, ErrorKind>;

/** A stable word for what went wrong. */
export type ErrorCode = keyof typeof ERROR_KINDS;
