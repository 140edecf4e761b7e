import { StarlingError } from '@starling/core';

/**
 * What went wrong in a template: `syntax` (it cannot be parsed), `raised` (its own `raise_exception`), `limit` (one of `Limits`), or the
 * name of the exception that Python or Jinja raises there.
 */
export type FailureKind =
  | 'syntax'
  | 'raised'
  | 'limit'
  | 'UndefinedError'
  | 'SecurityError'
  | 'TemplateRuntimeError'
  | 'TypeError'
  | 'ValueError'
  | 'KeyError'
  | 'IndexError'
  | 'AttributeError'
  | 'ZeroDivisionError'
  | 'OverflowError'
  | 'UnicodeError';

/** A failure inside the interpreter, before it is known where in the template that was. It leaves the library as a StarlingError. */
export class TemplateFailure extends StarlingError {
  constructor(
    readonly reason: FailureKind,
    message: string,
    /** Offset in the source, where it is known. */
    readonly at?: number,
    /** The name of the limit, for `limit`. */
    readonly limit?: string,
  ) {
    super('invalid_template', message);
  }
}

export function limitReached(limit: string, message: string, at?: number): TemplateFailure {
  return new TemplateFailure('limit', message, at, limit);
}

/** Line and column of an offset, both from 1. */
function positionIn(source: string, offset: number): { line: number; column: number } {
  const before = source.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: offset - lineStart + 1 };
}

/** The failure as users of the library see it: `invalid_template`, with what went wrong, line and column in `details`. */
export function asStarlingError(cause: unknown, source: string, at: number): unknown {
  const failure =
    cause instanceof TemplateFailure
      ? cause
      : isStackOverflow(cause)
        ? limitReached('depth', 'the template nests deeper than this program can follow')
        : undefined;
  if (failure === undefined) return cause;
  const { line, column } = positionIn(source, failure.at ?? at);
  const { reason: kind, limit, message } = failure;
  const what =
    kind === 'raised'
      ? `it refuses this conversation: ${message}`
      : kind === 'syntax'
        ? `it cannot be parsed: ${message}`
        : kind === 'limit'
          ? `limit reached: ${message}`
          : `${kind}: ${message}`;
  return new StarlingError('invalid_template', `template, line ${line}, column ${column}: ${what}`, {
    details: {
      reason: kind,
      line,
      column,
      ...(kind === 'raised' && { raised: message }),
      ...(limit !== undefined && { limit }),
    },
    cause,
  });
}

/** The engine's own guard, should a limit be set higher than its stack reaches. */
function isStackOverflow(cause: unknown): boolean {
  return (
    typeof cause === 'object' &&
    cause !== null &&
    'name' in cause &&
    cause.name === 'RangeError' &&
    'message' in cause &&
    /call stack/.test(String(cause.message))
  );
}
