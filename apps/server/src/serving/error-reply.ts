import { isStarlingError, StarlingError, type ErrorCode } from '@starling/core';

/** What one API calls a failure. */
export interface ErrorWord {
  readonly status: number;
  /** The API's own word for this kind of failure. */
  readonly type: string;
  /** The API's own code, where it has both. */
  readonly apiCode?: string;
}

/** The one table of a dialect from our codes to HTTP statuses and the API's words. */
export type ErrorTable = Readonly<Record<ErrorCode | 'model_loading', ErrorWord>>;

/** A failure, told in the words of one API. */
export interface ErrorFacts extends ErrorWord {
  /** A stable word of ours. */
  readonly code: string;
  readonly message: string;
  /** The field of the request that it is about. */
  readonly param?: string;
  readonly requestId: string;
  /** What is known beside the message. */
  readonly details: StarlingError['details'];
}

/** A failure as its response needs it. */
export interface ErrorReply {
  readonly facts: ErrorFacts;
  readonly headers: Readonly<Record<string, string>>;
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

/** Anything that was thrown, in the words of a table. What is not ours to show becomes `internal`, without its message. */
export function errorReply(thrown: unknown, table: ErrorTable, requestId: string): ErrorReply {
  const error = isStarlingError(thrown) ? thrown : new StarlingError('internal', 'internal error', { cause: thrown });
  const { code, details } = error;
  const isLoading = code === 'model_not_loaded' && details.state === 'loading';
  const word = table[isLoading ? 'model_loading' : code];
  const isRetryable = isLoading || error.kind.retryable;
  // What a caller has kept too much of, or a full disk, does not pass by itself.
  const passes = isRetryable && details.passes !== false;
  return {
    facts: {
      ...word,
      code: PUBLIC_CODES[code] ?? code,
      message:
        code === 'internal'
          ? 'something went wrong inside the server; its log has the cause under this request id'
          : error.message,
      ...(typeof details.param === 'string' && { param: details.param }),
      requestId,
      details: code === 'internal' ? {} : details,
    },
    headers:
      passes && (word.status === 429 || word.status === 503 || typeof details.retryAfterMs === 'number')
        ? { 'retry-after': String(retryAfterSeconds(details.retryAfterMs)) }
        : {},
    isFault: word.status >= 500 && !isRetryable && code !== 'closed' && code !== 'not_supported',
  };
}

function retryAfterSeconds(retryAfterMs: unknown): number {
  return typeof retryAfterMs === 'number' && retryAfterMs > 0 ? Math.ceil(retryAfterMs / 1000) : RETRY_AFTER_SECONDS;
}
