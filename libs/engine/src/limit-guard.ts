import type { OutputMatcher } from './constraint.js';

/** So many tokens before its limit an answer begins to be watched, at least; and so many before what it needs from its beginning. */
const WATCHED_TOKENS = 128;

/**
 * Brings an answer to its end before its tokens run out. Near the limit each drawn token is only taken if the text can still be completed
 * after it; otherwise the next token of the shortest known ending takes its place. So an answer whose limit leaves room for any valid text is
 * valid, however the model rambles. Text that may end anywhere is left as it is drawn.
 */
export class LimitGuard {
  /** An ending from where the matcher stands, if one is known. */
  #plan: number[] | undefined;
  /** (tokens) what an answer needs from its beginning. */
  #needed: number | undefined;
  /** After a search that found no ending: it is not worth another before so few tokens are left. */
  #searchedAgainAt = Infinity;
  /** (tokens) how long was waited last: each time twice as long. */
  #waited = 1;
  /** Whether the answer has been where it may not end. */
  #hasBegun = false;

  /**
   * The token to take, in steps; the matcher is not to be changed meanwhile.
   * @param drawn what the sampler chose, which the matcher allows
   * @param remaining tokens that the answer may still have, this one included
   */
  *choose(matcher: OutputMatcher, drawn: number, isEnd: boolean, remaining: number): Generator<undefined, number> {
    this.#needed ??=
      matcher.canEnd || remaining === Infinity ? 0 : ((yield* this.#search(matcher, remaining))?.length ?? 0);
    const isFree = matcher.canEnd && !this.#hasBegun;
    this.#hasBegun ||= !matcher.canEnd;
    if (isEnd || isFree || remaining > WATCHED_TOKENS + this.#needed) {
      this.#plan = undefined;
      return drawn;
    }
    if (this.#plan === undefined && remaining > this.#searchedAgainAt) return drawn;
    this.#plan ??= yield* this.#search(matcher, remaining);
    const [planned, ...rest] = this.#plan ?? [];
    // No ending fits: the limit is too near, or was from the start.
    if (planned === undefined) return drawn;
    if (drawn === planned) {
      this.#plan = rest.length === 0 ? undefined : rest;
      return drawn;
    }
    const after = matcher.fork();
    after.advance(drawn);
    // Where an answer may end its last token is its own: it need not be one that ends it.
    const next = remaining === 1 && after.canEnd ? [] : yield* after.endingSteps(remaining - 1);
    this.#plan = next ?? rest;
    return next ? drawn : planned;
  }

  /** An ending from where the matcher stands. */
  *#search(matcher: OutputMatcher, remaining: number): Generator<undefined, number[] | undefined> {
    const ending = yield* matcher.endingSteps(remaining);
    if (ending === undefined) {
      this.#searchedAgainAt = remaining - this.#waited;
      this.#waited *= 2;
    }
    return ending;
  }
}
