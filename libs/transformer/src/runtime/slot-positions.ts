import type { SequenceInput } from '@starling/scheduler';
import { StarlingError } from '@starling/core';

/**
 * How far the recurrent state of each slot is. A state cannot be told by looking at it, so a step that goes on from another place than
 * the state is at would give wrong results without a sign.
 */
export class SlotPositions {
  /** Tokens that each slot's state has seen; -1 if that is not known, because a step failed. */
  readonly #seen: Int32Array;

  constructor(slots: number) {
    this.#seen = new Int32Array(slots).fill(-1);
  }

  /** Notes that a step begins: until it has ended nobody knows how far its slots are. @throws StarlingError `invalid_argument` for a slot whose state is elsewhere or that is used twice */
  begin(batch: readonly SequenceInput[]): void {
    for (let index = 0; index < batch.length; index++) {
      const { slot, startPosition } = batch[index];
      if (startPosition !== 0 && this.#seen[slot] !== startPosition) {
        const place = this.#seen[slot] < 0 ? 'no known position' : `position ${this.#seen[slot]}`;
        throw new StarlingError(
          'invalid_argument',
          `The step was refused: sequence ${index} goes on at position ${startPosition}, the state of slot ${slot} is at ${place}.`,
          { details: { slot, startPosition } },
        );
      }
      for (let other = 0; other < index; other++) {
        if (batch[other].slot === slot)
          throw new StarlingError(
            'invalid_argument',
            `The step was refused: sequences ${other} and ${index} both have slot ${slot}.`,
            { details: { slot } },
          );
      }
    }
    for (const { slot } of batch) this.#seen[slot] = -1;
  }

  /** How far a slot's state is. @throws StarlingError `invalid_argument` if nobody knows */
  positionOf(slot: number): number {
    const position = this.#seen[slot];
    if (position === undefined || position < 0)
      throw new StarlingError(
        'invalid_argument',
        `The state of slot ${slot} is at no known position: it cannot be saved.`,
        { details: { slot } },
      );
    return position;
  }

  /** Notes that a state was put into a slot. */
  set(slot: number, position: number): void {
    this.#seen[slot] = position;
  }

  /** Notes that the step was computed. */
  end(batch: readonly SequenceInput[]): void {
    for (const { slot, startPosition, tokens } of batch) this.#seen[slot] = startPosition + tokens.length;
  }
}
