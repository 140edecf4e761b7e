import type { TokenConstraint } from '@starling/sampler';
import type { OutputConstraint } from './generate-types.js';

/** What an answer must look like, token by token. */
export interface OutputMatcher extends TokenConstraint {
  /** Nothing but the end can follow. */
  readonly isDone: boolean;
  fork(): OutputMatcher;
}

/**
 * Makes the matcher of a request's grammar, schema or expression: one of them is given.
 * @throws StarlingError invalid_grammar, with `details.param` naming it
 */
export type ConstraintCompiler = (constraint: OutputConstraint) => OutputMatcher;
