import { StarlingError } from '@starling/core';
import { LIMITS, limitError } from '../limits.js';

/** Tells that a compilation was given up before it was done: it needs more work than it was given. */
export class CompilationTooLong extends StarlingError {
  constructor(limit: number) {
    super('unprocessable', `the grammar takes more than ${limit} steps to compile`, { details: { limit } });
  }
}

/** The work of one compilation. */
export interface WorkMeter {
  work: number;
  readonly workLimit: number;
}

let current: WorkMeter | undefined;

/** Counts the work of a compilation, which is synchronous. */
export function metered<T>(meter: WorkMeter, compile: () => T): T {
  const outer = current;
  current = meter;
  try {
    return compile();
  } finally {
    current = outer;
  }
}

/** Counts steps against the limits of the whole compilation. @throws CompilationTooLong, StarlingError invalid_grammar */
export function spendWork(steps: number): void {
  if (current === undefined) return;
  current.work += steps;
  if (current.work > current.workLimit) throw new CompilationTooLong(current.workLimit);
  if (current.work > LIMITS.compileWork) throw limitError('compileWork', 'steps to make all automata');
}
