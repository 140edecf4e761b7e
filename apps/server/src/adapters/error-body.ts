import { isStarlingError, StarlingError, type ErrorCode } from '@starling/core';

/** The one shape of every error that leaves the server. */
export interface ErrorBody {
  readonly error: { readonly code: string; readonly type: string; readonly message: string; readonly param?: string; readonly request_id: string };
}

/** An error as its response needs it. */
export interface ErrorReply {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: ErrorBody;
  /** True where the cause is ours and belongs in the log, with its stack. */
  readonly isFault: boolean;
}

/** Words that clients know, for codes that only make sense inside the process. */
const PUBLIC_CODES: Partial<Record<ErrorCode, string>> = {
  invalid_argument: 'invalid_request',
  closed: 'shutting_down',
};

/** Seconds after which a client may try again what failed for lack of room, unless the error knows better. */
const RETRY_AFTER_SECONDS = 1;

/** The status, headers and body for anything that was thrown. What is not ours to show becomes `internal`, without its message. */
export function errorReply(thrown: unknown, requestId: string): ErrorReply {
  const error = isStarlingError(thrown) ? thrown : new StarlingError('internal', 'internal error', { cause: thrown });
  const { type } = error.kind;
  const isLoading = error.code === 'model_not_loaded' && error.details.state === 'loading';
  const status = isLoading ? 503 : error.kind.status;
  const retryable = isLoading || error.kind.retryable;
  const isFault = status >= 500 && !retryable && error.code !== 'closed';
  const param = error.details.param;
  return {
    status,
    headers: retryable && (status === 429 || status === 503) ? { 'retry-after': String(retryAfterSeconds(error)) } : {},
    body: {
      error: {
        code: PUBLIC_CODES[error.code] ?? error.code,
        type,
        message: error.code === 'internal' ? 'something went wrong inside the server; its log has the cause under this request id' : error.message,
        ...(typeof param === 'string' ? { param } : {}),
        request_id: requestId,
      },
    },
    isFault,
  };
}

/** The same error, saying which field of the request it is about if it did not say so itself. */
export function withParam(thrown: unknown, param: string): unknown {
  if (!isStarlingError(thrown) || typeof thrown.details.param === 'string') return thrown;
  return new StarlingError(thrown.code, thrown.message, { details: { ...thrown.details, param }, cause: thrown });
}

function retryAfterSeconds(error: StarlingError): number {
  const { retryAfterMs } = error.details;
  return typeof retryAfterMs === 'number' && retryAfterMs > 0 ? Math.ceil(retryAfterMs / 1000) : RETRY_AFTER_SECONDS;
}
