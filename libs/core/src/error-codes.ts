/** What a failure means to a program, whatever carries it. */
export interface ErrorKind {
  /** The same call may succeed later. */
  readonly retryable: boolean;
}

const final: ErrorKind = { retryable: false };
const passing: ErrorKind = { retryable: true };

/** The one table of error codes. A code, once published, keeps its meaning. What a code is called elsewhere (an HTTP status, a word of an API) is the business of whoever speaks to there. */
export const ERROR_KINDS = {
  invalid_json: final,
  invalid_request: final,
  invalid_argument: final,
  context_length_exceeded: final,
  invalid_grammar: final,
  invalid_template: final,
  invalid_model_file: final,
  invalid_vocabulary: final,
  unsupported_model: final,
  unauthorized: final,
  forbidden: final,
  not_found: final,
  file_not_found: final,
  model_not_loaded: final,
  method_not_allowed: final,
  not_supported: final,
  request_timeout: passing,
  deadline_exceeded: passing,
  conflict: final,
  request_too_large: final,
  unsupported_media_type: final,
  unprocessable: final,
  queue_full: passing,
  rate_limited: passing,
  cancelled: final,
  shutting_down: passing,
  out_of_memory: passing,
  kv_exhausted: passing,
  worker_failed: passing,
  download_failed: passing,
  checksum_mismatch: final,
  closed: final,
  internal: final,
} as const satisfies Record<string, ErrorKind>;

/** A stable word for what went wrong. */
export type ErrorCode = keyof typeof ERROR_KINDS;
