import type { Draft } from '@starling/scheduler';
import type { OutputMatcher } from '../constraint.js';
import { HitRate } from './hit-rate.js';
import { RepeatFinder } from './repeat-finder.js';
import { SpaceHabits } from './space-habits.js';

/** What answers are drafted from. */
export interface DraftSources {
  /** What has been in prompt and answer before. Default true. */
  readonly lookup?: boolean;
  /** What a grammar or schema forces. Default true. */
  readonly grammar?: boolean;
}

/** A match as long as this is surer than what a grammar forces, since it knows the tokens. */
const SURE_MATCH = 16;

/** How likely a token of a forced text is the one that comes, before any was seen, and how many outcomes that counts for. */
const FORCED_GUESS = [0.8, 4] as const;

/**
 * Expects what an answer goes on with. Each guess is held against what comes, whether it was computed or not, so that its worth is known for
 * nothing. What is learnt stays with the answer.
 */
export class AnswerDrafts {
  readonly #repeats: RepeatFinder | undefined;
  readonly #tokenBytes: (id: number) => Uint8Array;
  #matcher: OutputMatcher | undefined;
  readonly #habits = new SpaceHabits();
  readonly #forcedRate = new HitRate(...FORCED_GUESS);
  /** What the grammar was last found to force, less what of it has come. */
  #forced: number[] = [];

  /** @param tokens what comes before the answer */
  constructor(
    tokens: ArrayLike<number>,
    { lookup = true, grammar = true }: DraftSources,
    matcher: OutputMatcher | undefined,
    tokenBytes: (id: number) => Uint8Array,
  ) {
    this.#repeats = lookup ? new RepeatFinder(tokens) : undefined;
    this.#matcher = grammar ? matcher : undefined;
    this.#tokenBytes = tokenBytes;
  }

  /** The next token of the answer has come. */
  push(token: number): void {
    this.#repeats?.push(token);
    if (this.#matcher === undefined) return;
    const expected = this.#forced.shift();
    if (expected !== undefined) {
      this.#forcedRate.note(expected === token);
      if (expected !== token) this.#forced = [];
    }
    this.#habits.note(this.#tokenBytes(token));
  }

  /** A grammar that is at its limits is not guessed about any more: only what comes may fail. */
  #forcedBy(matcher: OutputMatcher, limit: number): number[] {
    try {
      return matcher.forced(this.#habits.last, limit, this.#habits.after);
    } catch {
      this.#matcher = undefined;
      return [];
    }
  }

  /** What is expected to follow, `limit` tokens at most; undefined: nothing. */
  next(limit: number): Draft | undefined {
    if (limit <= 0) return undefined;
    const tokens: number[] = [];
    const chances: number[] = [];
    const isSure = (this.#repeats?.match ?? 0) >= SURE_MATCH;
    if (this.#matcher !== undefined && !isSure) {
      if (this.#forced.length === 0) this.#forced = this.#forcedBy(this.#matcher, limit);
      for (let i = 0, chance = 1; i < Math.min(limit, this.#forced.length); i++) {
        tokens.push(this.#forced[i]);
        chances.push((chance *= this.#forcedRate.value));
      }
    }
    if (tokens.length === 0) this.#repeats?.predict(limit, tokens, chances);
    return tokens.length === 0 ? undefined : { tokens, chances };
  }
}
