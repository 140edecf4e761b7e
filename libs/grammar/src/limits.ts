import { StarlingError, type ErrorDetails } from '@starling/core';

/**
 * Every bound of this library, with its reason. Grammars come from clients: none of these may be left out.
 * A grammar that meets one is refused with `invalid_grammar`, the limit's name in `details.limit`.
 */
export const LIMITS = {
  /** Characters of one grammar text or regular expression: parsing is linear, but a client's text is held in memory. */
  textLength: 1 << 20,
  /** Depth of groups in a grammar or expression, and of the values of a schema: parsers recurse. */
  nesting: 256,
  /** Lookaheads of one expression and the parts around them, each counted for every way to reach it: each is worked out within the one before, lookaheads with automata of their own. */
  lookaheads: 256,
  /** States of a nondeterministic automaton: `(x{1000}){1000}` stops here. */
  nfaStates: 100_000,
  /** States of one deterministic automaton: `(a|b)*a(a|b){20}` stops here. */
  dfaStates: 70_000,
  /** Cells of one transition table (states times classes of characters), 4 bytes each. */
  dfaCells: 8_000_000,
  /** Steps in making one automaton: bounds the time where the states alone would not. */
  dfaWork: 8_000_000,
  /** Steps in all that one grammar is compiled from. */
  compileWork: 40_000_000,
  /** Code points of a string in a JSON value; a longer `maxLength` counts as this one, a longer `minLength` is refused. */
  stringLength: 65_536,
  /** Remainders that `multipleOf` may need. */
  modulus: 20_000,
  /** Values in one schema document, those of `const` and other data included: all are looked at, and it is held as a text. */
  schemaValues: 1_000_000,
  /** Subschemas of one schema document. */
  schemaNodes: 50_000,
  /** Different combinations of subschemas that have to hold together somewhere. */
  shapes: 20_000,
  /** Ways one value may take after anyOf, oneOf, not and allOf were multiplied out. */
  alternatives: 2_048,
  /** Alternatives compared or put together while a schema is worked out: bounds the time where their number alone would not. */
  schemaWork: 80_000,
  /** Properties named by one object. */
  properties: 4_096,
  /** Array positions that have a schema, or a count, of their own. */
  arrayStates: 100_000,
  /** Ways to read the same output that are followed at once. */
  threads: 4_096,
  /** Rules that begin within each other inside of one token: masks are made by recursion. */
  callDepth: 1_000,
  /** States that machines make while they run, a state with a table of its own (1 KB) counted as 8; after `renewStates` the next matcher starts anew. */
  runStates: 1_600_000,
  renewStates: 200_000,
  /** Masks kept per grammar and vocabulary (16 KB each for 128k tokens), and parts of masks (some 200 bytes each). */
  cachedMasks: 256,
  cachedParts: 50_000,
} as const;

/** The name of a limit. */
export type LimitName = keyof typeof LIMITS;

/** A refusal of a grammar: what was wrong, where, and what to do. */
export function grammarError(message: string, details: ErrorDetails = {}): StarlingError {
  return new StarlingError('invalid_grammar', message, { details });
}

/** The refusal of a grammar that is too large; `what` says of what there are too many. */
export function limitError(limit: LimitName, what: string, details: ErrorDetails = {}): StarlingError {
  return grammarError(`the grammar needs more than ${LIMITS[limit]} ${what}; make it smaller`, {
    limit,
    maximum: LIMITS[limit],
    ...details,
  });
}
