import { classOf, DEAD, type Dfa } from '../automata/dfa.js';
import { factsOf, PLAIN, type DfaFacts } from '../automata/dfa-facts.js';
import { groupStates } from '../automata/reduce.js';

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
  /** How many more plain characters, at least, lead from a state to one that is not dead. See `Machine.freeRun`. */
  freeRun(state: number): number;
  /** A state that no text of up to `length` code points tells from this one, the same for as many states as is known. */
  alike(state: number, length: number): number;
}

/** Cells looked at to find states that are alike; it is not worth more. */
const ALIKE_WORK = 2_000_000;

/** Whether every plain character leads from a state back to it. */
export function isFreeLoop(moves: CodeMoves, state: number): boolean {
  return PLAIN.every(([low, high]) => commonTarget(moves, low, high) === state);
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
  for (let i = classOf(moves.starts, low); i < moves.starts.length && moves.starts[i] <= high; i++)
    if (moves.targets[i] !== DEAD) return true;
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
  readonly #facts: DfaFacts;
  readonly #moves: (CodeMoves | undefined)[] = [];
  readonly #leaders = new Map<number, Int32Array>();

  constructor(dfa: Dfa) {
    this.#dfa = dfa;
    this.#facts = factsOf(dfa);
    this.start = this.#facts.live[dfa.start] === 1 ? dfa.start : DEAD;
  }

  moves(state: number): CodeMoves {
    const width = this.#dfa.classCount;
    return (this.#moves[state] ??= codeMoves(
      this.#dfa.classStarts,
      this.#dfa.table
        .subarray(state * width, (state + 1) * width)
        .map((to) => (this.#facts.live[to] === 1 ? to : DEAD)),
    ));
  }

  exit(state: number): number {
    return this.#dfa.labels[state];
  }

  alike(state: number, length: number): number {
    if (this.#dfa.table.length * length > ALIKE_WORK) return state;
    let leaders = this.#leaders.get(length);
    if (!leaders) this.#leaders.set(length, (leaders = leadersOf(groupStates(this.#dfa, length))));
    return leaders[state];
  }

  freeRun(state: number): number {
    return this.#facts.freeRuns[state];
  }
}

/** (states) the first state of each state's group. */
function leadersOf(groups: Int32Array): Int32Array {
  const first = new Map<number, number>();
  return groups.map((group, state) => {
    if (!first.has(group)) first.set(group, state);
    return first.get(group)!;
  });
}
