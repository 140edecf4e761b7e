import { StateBudget, type Machine } from './machine.js';

/**
 * A compiled grammar: what an output may be. It is independent of any vocabulary, is never changed, and serves any number of
 * matchers at once.
 */
export class Grammar {
  readonly #build: (budget: StateBudget) => Machine;
  #machine: Machine | undefined;
  #budget = new StateBudget();

  /** @param build makes the root machine; called again when the machines made so far have grown large. */
  constructor(build: (budget: StateBudget) => Machine) {
    this.#build = build;
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
