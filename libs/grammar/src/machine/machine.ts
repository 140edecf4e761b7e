import { LIMITS, limitError } from '../limits.js';

/** The state a machine has when it cannot go on. */
export const STUCK = 0;
/** The exit of a state in which a machine cannot end. */
export const NO_EXIT = 0;

/** A step into another machine, after which the caller goes on. */
export interface Call {
  readonly machine: Machine;
  /** The state the callee begins in. */
  readonly start: number;
  /**
   * The caller's state after the callee ended with this exit; STUCK if it cannot go on. `read` gives the bytes that the callee has
   * read, for calls that `capture` them.
   */
  resume(exit: number, read: () => Uint8Array): number;
  /** Whether the caller's state depends on the bytes that the callee reads. */
  readonly capture: boolean;
  /** True when the caller has nothing left to do then and ends with the same exit. */
  readonly tail: boolean;
  /** True for a value that need not come: what looks for the shortest end tries others first. */
  readonly isDetour?: boolean;
}

/** A step that one whole token makes, whatever its bytes. */
export interface TokenMove {
  /** `only`: the tokens named; `except`: any token but them and those that end the output; `control`: control tokens but them. */
  readonly kind: 'only' | 'except' | 'control';
  readonly tokens: readonly (number | string)[];
  readonly optional?: boolean;
  readonly to: number;
}

/**
 * One part of a grammar: a deterministic automaton over bytes that may call other machines. States are numbers from 1, made
 * when they are first reached. From every state that is not STUCK, the machine can reach an end: a mask is never a dead end.
 */
export interface Machine {
  readonly start: number;
  /** The state after one more byte, or STUCK. */
  next(state: number, byte: number): number;
  /** What the caller learns if the machine ends here, or NO_EXIT if it cannot. */
  exit(state: number): number;
  /** The machines that may run from here, without a byte of this machine before. */
  calls(state: number): readonly Call[];
  tokenMoves(state: number): readonly TokenMove[];
  /** Whether `exit` or `calls` has anything to say: asked for every byte of every token. */
  hasEvents(state: number): boolean;
  /**
   * How many more plain characters (all but control characters, quotes and backslashes) the machine is sure to read from a state
   * that lies between two characters, without ever ending or calling in between: 0 if it does not know.
   */
  freeRun(state: number): number;
  /**
   * A state that cannot be told from this one by what happens within `bytes` bytes, the same one for as many states as possible.
   * Where it is another state, no calls may lie within.
   */
  alike(state: number, bytes: number): number;
  /**
   * Makes what the first states need and takes long to make, so that no output waits for it, and gives the machines that may be called.
   * Absent: there is nothing such.
   */
  prepare?(): Iterable<MachineSource>;
}

/** A machine that is made when it is first called. */
export type MachineSource = () => Machine;

export const NO_CALLS: readonly Call[] = [];
export const NO_TOKEN_MOVES: readonly TokenMove[] = [];

/** Counts the states that the machines of one grammar make. */
export class StateBudget {
  #made = 0;

  spend(count = 1): void {
    this.#made += count;
    if (this.#made > LIMITS.runStates) throw limitError('runStates', 'states while it runs');
  }

  /** Whether so many states were made that the machines should be made anew. */
  get isLarge(): boolean {
    return this.#made > LIMITS.renewStates;
  }
}
