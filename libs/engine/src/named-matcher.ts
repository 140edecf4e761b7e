import { isStarlingError, type StarlingError } from '@starling/core';
import type { SpaceHabit, TokenMask } from '@starling/grammar';
import type { OutputMatcher } from './constraint.js';

/** A matcher whose refusals, which may come in the middle of an answer, say which part of the request they are of. */
export class NamedMatcher implements OutputMatcher {
  readonly #matcher: OutputMatcher;
  readonly #named: (error: StarlingError) => StarlingError;

  constructor(matcher: OutputMatcher, named: (error: StarlingError) => StarlingError) {
    this.#matcher = matcher;
    this.#named = named;
  }

  get isDone(): boolean {
    return this.#matcher.isDone;
  }

  get canEnd(): boolean {
    return this.#matcher.canEnd;
  }

  accepts(id: number): boolean {
    return this.#naming(() => this.#matcher.accepts(id));
  }

  advance(id: number): void {
    this.#naming(() => this.#matcher.advance(id));
  }

  mask(): TokenMask {
    return this.#naming(() => this.#matcher.mask());
  }

  ending(limit: number): number[] | undefined {
    return this.#naming(() => this.#matcher.ending(limit));
  }

  maskSteps(): Generator<undefined, TokenMask> {
    return this.#namingSteps(this.#matcher.maskSteps());
  }

  endingSteps(limit: number): Generator<undefined, number[] | undefined> {
    return this.#namingSteps(this.#matcher.endingSteps(limit));
  }

  forced(last: number | undefined, limit: number, spaceAfter: SpaceHabit): number[] {
    return this.#naming(() => this.#matcher.forced(last, limit, spaceAfter));
  }

  fork(): NamedMatcher {
    return new NamedMatcher(this.#matcher.fork(), this.#named);
  }

  #naming<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw isStarlingError(error, 'invalid_grammar') ? this.#named(error) : error;
    }
  }

  *#namingSteps<T>(steps: Generator<undefined, T>): Generator<undefined, T> {
    for (;;) {
      const step = this.#naming(() => steps.next());
      if (step.done === true) return step.value;
      yield;
    }
  }
}
