import { StateBudget, type Machine } from './machine.js';

/**
 * A compiled grammar: what an output may be. It is independent of any vocabulary, is never changed, and serves any number of
 * matchers at once.
 */
export class Grammar {
  /** Tokens that the grammar names, by id or text: a vocabulary without one of them cannot write what it demands. */
  readonly tokens: readonly (number | string)[];
  readonly #build: (budget: StateBudget) => Machine;
  #machine: Machine | undefined;
  #budget = new StateBudget();

  /** @param build makes the root machine; called again when the machines made so far have grown large. */
  constructor(build: (budget: StateBudget) => Machine, tokens: readonly (number | string)[] = []) {
    this.#build = build;
    this.tokens = tokens;
  }

  /** A new machine of the whole output, as a part of a larger grammar. */
  build(budget: StateBudget): Machine {
    return this.#build(budget);
  }

  /** The machine of the whole output; matchers that hold an older one keep it. */
  machine(): Machine {
    if (!this.#machine || this.#budget.isLarge) {
      this.#budget = new StateBudget();
      this.#machine = this.#build(this.#budget);
    }
    return this.#machine;
  }
}
