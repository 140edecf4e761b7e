/**
 * Turns of several teams that have the same cores: one computes at a time, so that no more threads compute than one team has. Whoever waits longest is next:
 * teams that always have something to do go round, a step each.
 */
export class ComputeTurns {
  readonly #waiting: (() => void)[] = [];
  #isTaken = false;

  /** Waits for a turn, does work in it, and gives the turn on. */
  async during<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#isTaken) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#isTaken = true;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      // It stays taken where somebody waits: who comes in between does so too.
      if (next) next();
      else this.#isTaken = false;
    }
  }
}
