import { MAX_CODE_POINT, SURROGATE_END, SURROGATE_START } from '../automata/code-set.js';
import { classOf, DEAD, isSurrogateClass, type Dfa } from '../automata/dfa.js';
import { groupStates, liveStates, reverseMoves } from '../automata/reduce.js';

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

/** The plain characters, as ranges: all but control characters, the quote and the backslash. */
const PLAIN: readonly (readonly [number, number])[] = [
  [0x20, 0x21],
  [0x23, 0x5b],
  [0x5d, SURROGATE_START - 1],
  [SURROGATE_END + 1, MAX_CODE_POINT],
];

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
  readonly #leaders = new Map<number, Int32Array>();
  #freeRuns: Float64Array | undefined;

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

  alike(state: number, length: number): number {
    if (this.#dfa.table.length * length > ALIKE_WORK) return state;
    let leaders = this.#leaders.get(length);
    if (!leaders) this.#leaders.set(length, (leaders = leadersOf(groupStates(this.#dfa, length))));
    return leaders[state];
  }

  freeRun(state: number): number {
    return (this.#freeRuns ??= freeRuns(this.#dfa, this.#live))[state];
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

/** (states) for each state, after how many plain characters one may be refused, at the earliest. */
function freeRuns(dfa: Dfa, live: Uint8Array): Float64Array {
  const { sources, offsets } = reverseMoves(dfa);
  const width = dfa.classCount;
  const plain = Array.from({ length: width }, (_, c) =>
    PLAIN.some(([low, high]) => dfa.classStarts[c] <= high && (dfa.classStarts[c + 1] ?? MAX_CODE_POINT + 1) > low),
  );
  const runs = new Float64Array(dfa.size).fill(Infinity);
  const queue: number[] = [];
  for (let state = 1; state < dfa.size; state++) {
    const refuses =
      live[state] === 0 || plain.some((isPlain, c) => isPlain && !isSurrogateClass(dfa.classStarts, c) && live[dfa.table[state * width + c]] === 0);
    if (!refuses) continue;
    runs[state] = 0;
    queue.push(state);
  }
  for (let i = 0; i < queue.length; i++) {
    for (let k = offsets[queue[i]]; k < offsets[queue[i] + 1]; k++) {
      if (runs[sources[k]] !== Infinity) continue;
      runs[sources[k]] = runs[queue[i]] + 1;
      queue.push(sources[k]);
    }
  }
  return runs;
}
