import { assert } from '@starling/core';

/** Numbers 0 to count - 1, each lent to one sequence at a time; the lowest free one is lent next. */
export class SlotPool {
  readonly count: number;
  readonly #isTaken: Uint8Array;
  #free: number;

  constructor(count: number) {
    this.count = count;
    this.#isTaken = new Uint8Array(count);
    this.#free = count;
  }

  get free(): number {
    return this.#free;
  }

  take(): number {
    const slot = this.#isTaken.indexOf(0);
    assert(slot >= 0, 'a slot is taken only when one is free');
    this.#isTaken[slot] = 1;
    this.#free--;
    return slot;
  }

  giveBack(slot: number): void {
    assert(this.#isTaken[slot] === 1, `slot ${slot} is given back once`);
    this.#isTaken[slot] = 0;
    this.#free++;
  }
}
