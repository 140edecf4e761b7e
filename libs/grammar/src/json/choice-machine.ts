import { NO_EXIT, NO_TOKEN_MOVES, STUCK, type Call, type Machine, type TokenMove } from '../machine/machine.js';
import { PartCall, VALUE_EXIT } from './structure-machine.js';

/** One of several machines, after some white space: state `n` is before them, with `n - 1` characters of space read. */
export class ChoiceMachine implements Machine {
  readonly start = 1;
  readonly #calls: readonly Call[];
  readonly #maxSpace: number;

  constructor(options: readonly Machine[], maxSpace = 0) {
    this.#maxSpace = maxSpace;
    this.#calls = options.map(
      (machine) =>
        new PartCall(
          () => ({ machine, start: machine.start }),
          () => VALUE_EXIT,
          { tail: true },
        ),
    );
  }

  next(state: number, byte: number): number {
    const isSpace = byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
    return isSpace && state <= this.#maxSpace ? state + 1 : STUCK;
  }

  exit(): number {
    return NO_EXIT;
  }

  calls(): readonly Call[] {
    return this.#calls;
  }

  tokenMoves(): readonly TokenMove[] {
    return NO_TOKEN_MOVES;
  }

  alike(state: number): number {
    return state;
  }

  freeRun(): number {
    return 0;
  }

  hasEvents(): boolean {
    return true;
  }
}
