import type { SpaceHabit, TokenMask } from '@starling/grammar';
import type { TokenConstraint } from '@starling/sampler';
import type { OutputConstraint } from './generate-types.js';

/** What an answer must look like, token by token. */
export interface OutputMatcher extends TokenConstraint {
  /** Nothing but the end can follow. */
  readonly isDone: boolean;
  /** The answer may end here. */
  readonly canEnd: boolean;
  /** Tokens, `limit` at most, that bring the answer to where it may end; undefined if none are known. */
  ending(limit: number): number[] | undefined;
  /** The same with stops on the way. */
  endingSteps(limit: number): Generator<undefined, number[] | undefined>;
  maskSteps(): Generator<undefined, TokenMask>;
  /** Tokens, `limit` at most, of the text that must come: a guess where other tokens make the same text. None: nothing is guessed. */
  forced(last: number | undefined, limit: number, spaceAfter: SpaceHabit): number[];
  fork(): OutputMatcher;
}

/**
 * Makes the matcher of a request's grammar, schema or expression: one of them is given.
 * @param tenant whose request it is: what was worked out for another must not make it faster, or others would learn of each other's schemas
 * @throws StarlingError invalid_grammar, with `details.param` naming it
 */
export type ConstraintCompiler = (constraint: OutputConstraint, tenant?: string) => OutputMatcher;
