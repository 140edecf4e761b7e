import {
  NO_CALLS,
  NO_EXIT,
  NO_TOKEN_MOVES,
  STUCK,
  type Call,
  type Machine,
  type StateBudget,
  type TokenMove,
} from '../machine/machine.js';
import { SPACE_STATES, isSpace, spaceAfter } from './white-space.js';

/** The only exit of JSON values. */
export const VALUE_EXIT = 1;

/**
 * A machine for the characters around the parts of an array or object. A state is a phase of the syntax, a number for what came
 * before (`D`, each different one once), and the white space that was read in this phase:
 * `1 + (number * phaseCount + phase) * spaces + space`. The last phase is the end.
 */
export abstract class StructureMachine<D> implements Machine {
  readonly #phaseCount: number;
  /** States of white space. */
  readonly #spaces: number;
  readonly #budget: StateBudget;
  readonly #data: D[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #calls: (readonly Call[] | undefined)[] = [];

  /** @param hasSpace whether white space may stand between two parts */
  constructor(phaseCount: number, hasSpace: boolean, budget: StateBudget) {
    this.#phaseCount = phaseCount;
    this.#spaces = hasSpace ? SPACE_STATES : 1;
    this.#budget = budget;
  }

  abstract readonly start: number;

  /** The state after a byte that is not white space. */
  protected abstract step(phase: number, data: D, byte: number): number;
  /** The parts that may begin in a phase. */
  protected abstract partsOf(phase: number, data: D): readonly Call[];
  /** Whether white space may stand in a phase. */
  protected abstract allowsSpace(phase: number): boolean;
  protected abstract keyOf(data: D): string;

  protected state(phase: number, data: D): number {
    const key = this.keyOf(data);
    let number = this.#numbers.get(key);
    if (number === undefined) {
      this.#budget.spend(this.#phaseCount);
      number = this.#data.push(data) - 1;
      this.#numbers.set(key, number);
    }
    return 1 + (number * this.#phaseCount + phase) * this.#spaces;
  }

  next(state: number, byte: number): number {
    const index = this.#indexOf(state);
    const phase = index % this.#phaseCount;
    if (isSpace(byte)) {
      if (this.#spaces === 1 || !this.allowsSpace(phase)) return STUCK;
      const space = (state - 1) % this.#spaces;
      const after = spaceAfter(space, byte);
      return after === STUCK ? STUCK : state - space + after;
    }
    return this.step(phase, this.#data[(index / this.#phaseCount) | 0], byte);
  }

  /** What a state stands for. */
  protected place(state: number): { readonly phase: number; readonly data: D } {
    const index = this.#indexOf(state);
    return { phase: index % this.#phaseCount, data: this.#data[(index / this.#phaseCount) | 0] };
  }

  /** The number of a state's data and phase, without the white space. */
  #indexOf(state: number): number {
    return ((state - 1) / this.#spaces) | 0;
  }

  exit(state: number): number {
    return this.#indexOf(state) % this.#phaseCount === this.#phaseCount - 1 ? VALUE_EXIT : NO_EXIT;
  }

  calls(state: number): readonly Call[] {
    const index = this.#indexOf(state);
    return (this.#calls[index] ??= this.partsOf(index % this.#phaseCount, this.#data[(index / this.#phaseCount) | 0]));
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

  hasEvents(state: number): boolean {
    return this.exit(state) !== NO_EXIT || this.calls(state) !== NO_CALLS;
  }
}

/** A call whose callee and way back are worked out when they are needed. */
export class PartCall implements Call {
  readonly tail: boolean;
  readonly capture: boolean;
  readonly isDetour: boolean;
  readonly #begin: () => { readonly machine: Machine; readonly start: number };
  readonly #resume: (exit: number, read: () => Uint8Array) => number;
  #callee: { readonly machine: Machine; readonly start: number } | undefined;

  constructor(
    begin: () => { readonly machine: Machine; readonly start: number },
    resume: (exit: number, read: () => Uint8Array) => number,
    kind: { tail?: boolean; capture?: boolean; isDetour?: boolean } = {},
  ) {
    this.#begin = begin;
    this.#resume = resume;
    this.tail = kind.tail ?? false;
    this.capture = kind.capture ?? false;
    this.isDetour = kind.isDetour ?? false;
  }

  get machine(): Machine {
    return (this.#callee ??= this.#begin()).machine;
  }

  get start(): number {
    return (this.#callee ??= this.#begin()).start;
  }

  resume(exit: number, read: () => Uint8Array): number {
    return this.#resume(exit, read);
  }
}
