import type { OutputMatcher } from './constraint.js';
import type { JsonEnding } from './json-ending.js';

/** So many tokens before its limit an answer begins to be watched. */
const WATCHED_TOKENS = 64;

/**
 * Brings a JSON answer to its end before its tokens run out. Near the limit each drawn token is only taken if the text can still be
 * completed after it; otherwise the next token of the shortest known ending takes its place. So an answer whose limit leaves room for
 * any valid text is valid, however the model rambles.
 */
export class LimitGuard {
  readonly #ending: JsonEnding;
  /** An ending from where the matcher stands, if one is known. */
  #plan: number[] | undefined;

  constructor(ending: JsonEnding) {
    this.#ending = ending;
  }

  /**
   * The token to take.
   * @param drawn what the sampler chose, which the matcher allows
   * @param remaining tokens that the answer may still have, this one included
   */
  choose(matcher: OutputMatcher, drawn: number, isEnd: boolean, remaining: number): number {
    if (isEnd || remaining > WATCHED_TOKENS) return drawn;
    this.#plan ??= this.#ending.plan(matcher, remaining);
    const [planned, ...rest] = this.#plan ?? [];
    // No ending fits: the limit is too near, or was from the start.
    if (planned === undefined) return drawn;
    const after = matcher.fork();
    after.advance(drawn);
    const next = this.#ending.plan(after, remaining - 1);
    this.#plan = next ?? rest;
    return next ? drawn : planned;
  }
}
