import {
  NO_EXIT,
  NO_TOKEN_MOVES,
  STUCK,
  type Call,
  type Machine,
  type MachineSource,
  type TokenMove,
} from '../machine/machine.js';
import { PartCall, VALUE_EXIT } from './structure-machine.js';
import { spaceAfter } from './white-space.js';

/** One of several machines, after some white space: state `1 + space` is before them. */
export class ChoiceMachine implements Machine {
  readonly start = 1;
  readonly #options: readonly Machine[];
  readonly #calls: readonly Call[];
  readonly #hasSpace: boolean;

  constructor(options: readonly Machine[], hasSpace = false) {
    this.#hasSpace = hasSpace;
    this.#options = options;
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
    const space = this.#hasSpace ? spaceAfter(state - 1, byte) : STUCK;
    return space === STUCK ? STUCK : 1 + space;
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

  *prepare(): Generator<MachineSource> {
    for (const option of this.#options) yield () => option;
  }

  hasEvents(): boolean {
    return true;
  }
}
