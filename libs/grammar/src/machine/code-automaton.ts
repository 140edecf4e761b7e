import { classOf, DEAD, type Dfa } from '../automata/dfa.js';
import { liveStates } from '../automata/reduce.js';

/**
 * Where each code point leads from one state: those from `starts[i]` to `starts[i + 1] - 1` to `targets[i]` (DEAD: nowhere).
 * `starts[0]` is 0 and neighbours differ; surrogates lead nowhere.
 */
export interface CodeMoves {
  readonly starts: Int32Array;
  readonly targets: Int32Array;
}

/** A deterministic automaton over code points whose states may be made while it runs. State 0 is dead; all others can reach an exit. */
export interface CodeAutomaton {
  readonly start: number;
  moves(state: number): CodeMoves;
  /** The exit of a text that ends here, 0 if none may. */
  exit(state: number): number;
}

/** The target of one code point. */
export function targetOf(moves: CodeMoves, code: number): number {
  return moves.targets[classOf(moves.starts, code)];
}

/** The one target of all code points from `low` to `high`; undefined if they differ. */
export function commonTarget(moves: CodeMoves, low: number, high: number): number | undefined {
  const index = classOf(moves.starts, low);
  return index + 1 >= moves.starts.length || moves.starts[index + 1] > high ? moves.targets[index] : undefined;
}

/** Whether some code point from `low` to `high` leads somewhere. */
export function leadsSomewhere(moves: CodeMoves, low: number, high: number): boolean {
  for (let i = classOf(moves.starts, low); i < moves.starts.length && moves.starts[i] <= high; i++) if (moves.targets[i] !== DEAD) return true;
  return false;
}

/** Moves from a target for each class, with equal neighbours joined. */
export function codeMoves(starts: ArrayLike<number>, targets: ArrayLike<number>): CodeMoves {
  const keep: number[] = [];
  for (let i = 0; i < starts.length; i++) if (i === 0 || targets[i] !== targets[i - 1]) keep.push(i);
  return { starts: Int32Array.from(keep, (i) => starts[i]), targets: Int32Array.from(keep, (i) => targets[i]) };
}

/** A finished automaton, run as it is; its states keep their numbers. */
export class DfaAutomaton implements CodeAutomaton {
  readonly start: number;
  readonly #dfa: Dfa;
  readonly #live: Uint8Array;
  readonly #moves: (CodeMoves | undefined)[] = [];

  constructor(dfa: Dfa) {
    this.#dfa = dfa;
    this.#live = liveStates(dfa);
    this.start = this.#live[dfa.start] === 1 ? dfa.start : DEAD;
  }

  moves(state: number): CodeMoves {
    const width = this.#dfa.classCount;
    return (this.#moves[state] ??= codeMoves(
      this.#dfa.classStarts,
      this.#dfa.table.subarray(state * width, (state + 1) * width).map((to) => (this.#live[to] === 1 ? to : DEAD)),
    ));
  }

  exit(state: number): number {
    return this.#dfa.labels[state];
  }
}
