import { monotonicClock, type Clock } from '@starling/core';

/**
 * Turns of several teams that have the same cores: one computes at a time, so that no more threads compute than one team has. Whoever waits longest is next:
 * teams that always have something to do go round, a step each.
 */
export class ComputeTurns {
  readonly #waiting: (() => void)[] = [];
  readonly #clock: Clock;
  #isTaken = false;

  constructor(clock: Clock = monotonicClock) {
    this.#clock = clock;
  }

  /**
   * Waits for a turn, does work in it, and gives the turn on.
   * @returns milliseconds that it waited
   */
  async during(work: () => Promise<void>): Promise<number> {
    let waitedMs = 0;
    if (this.#isTaken) {
      const since = this.#clock();
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      waitedMs = this.#clock() - since;
    }
    this.#isTaken = true;
    try {
      await work();
      return waitedMs;
    } finally {
      const next = this.#waiting.shift();
      // It stays taken where somebody waits: who comes in between does so too.
      if (next) next();
      else this.#isTaken = false;
    }
  }
}
