import { ERROR_KINDS, type ErrorCode, type ErrorKind } from './error-codes.js';

/** Facts about a failure, for logs and for programs: plain JSON values. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/**
 * The one error class of the Starling libraries. The message says what was expected, what was received, where, and what to do;
 * `code` is stable and `details` carries the same facts as data.
 */
export class StarlingError extends Error {
  override readonly name = 'StarlingError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: { details?: ErrorDetails; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }

  /** What this error's code means to a program. */
  get kind(): ErrorKind {
    return ERROR_KINDS[this.code];
  }
}

/** True for a StarlingError, also one made by another copy of this library; with `code`, only for that code. */
export function isStarlingError(value: unknown, code?: ErrorCode): value is StarlingError {
  return (
    typeof value === 'object' &&
    value !== null &&
    'name' in value &&
    value.name === 'StarlingError' &&
    'code' in value &&
    typeof value.code === 'string' &&
    value.code in ERROR_KINDS &&
    (code === undefined || value.code === code)
  );
}

/**
 * An error about one parameter of a call. The message names it first; `details.param` and `details.problem` carry the two apart, so that a
 * caller with names of its own can say the same in its words (`renamedParameter`).
 */
export function parameterError(
  code: ErrorCode,
  param: string,
  problem: string,
  options: { details?: ErrorDetails; cause?: unknown } = {},
): StarlingError {
  return new StarlingError(code, `${param}: ${problem}`, {
    ...options,
    details: { ...options.details, param, problem },
  });
}

/** The same error about a parameter that is called otherwise; an error whose message was not made of a name and a problem keeps its message. */
export function renamedParameter(error: StarlingError, param: string): StarlingError {
  const { details, code, message } = error;
  if (details.param === param) return error;
  if (typeof details.problem === 'string')
    return parameterError(code, param, details.problem, { details, cause: error });
  return new StarlingError(code, message, { details: { ...details, param }, cause: error });
}

/** The text of anything that was thrown, for use inside another message. */
export function messageOf(thrown: unknown): string {
  // Not `instanceof`: errors of another realm (a worker, a test runner's sandbox) have a message too.
  return typeof thrown === 'object' && thrown !== null && 'message' in thrown ? String(thrown.message) : String(thrown);
}

/** Throws if an invariant of our own code does not hold: a bug, never bad input. */
export function assert(condition: boolean, invariant: string): asserts condition {
  if (!condition) throw new StarlingError('internal', `broken invariant: ${invariant}`);
}
