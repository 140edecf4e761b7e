import { MAX_CODE_POINT, SURROGATE_END, SURROGATE_START } from './code-set.js';
import { isSurrogateClass, type Dfa } from './dfa.js';
import { liveStates, reverseMoves } from './reduce.js';

/** What is worked out of an automaton once, by looking at all of its moves: as plain data, so that the thread that makes the automaton can. */
export interface DfaFacts {
  /** (states) 1 for each state from which a label can be reached. */
  readonly live: Uint8Array;
  /** (states) after how many plain characters a state may refuse one, at the earliest. */
  readonly freeRuns: Float64Array;
}

/** The plain characters, as ranges: all but control characters, the quote and the backslash. */
export const PLAIN: readonly (readonly [number, number])[] = [
  [0x20, 0x21],
  [0x23, 0x5b],
  [0x5d, SURROGATE_START - 1],
  [SURROGATE_END + 1, MAX_CODE_POINT],
];

const known = new WeakMap<Dfa, DfaFacts>();

/** The facts of an automaton; `freeRuns` is worked out when it is first read. */
export function factsOf(dfa: Dfa): DfaFacts {
  let facts = known.get(dfa);
  if (!facts) known.set(dfa, (facts = new FactsInTime(dfa)));
  return facts;
}

/** Takes the facts of an automaton from elsewhere. */
export function knowFacts(dfa: Dfa, facts: DfaFacts): void {
  known.set(dfa, facts);
}

class FactsInTime implements DfaFacts {
  readonly live: Uint8Array;
  readonly #dfa: Dfa;
  #freeRuns: Float64Array | undefined;

  constructor(dfa: Dfa) {
    this.#dfa = dfa;
    this.live = liveStates(dfa);
  }

  get freeRuns(): Float64Array {
    return (this.#freeRuns ??= freeRunsOf(this.#dfa, this.live));
  }
}

/** (states) for each state, after how many plain characters one may be refused, at the earliest. */
function freeRunsOf(dfa: Dfa, live: Uint8Array): Float64Array {
  const { sources, offsets } = reverseMoves(dfa);
  const width = dfa.classCount;
  const plain = Array.from({ length: width }, (_, c) =>
    PLAIN.some(([low, high]) => dfa.classStarts[c] <= high && (dfa.classStarts[c + 1] ?? MAX_CODE_POINT + 1) > low),
  );
  const runs = new Float64Array(dfa.size).fill(Infinity);
  const queue: number[] = [];
  for (let state = 1; state < dfa.size; state++) {
    const refuses =
      live[state] === 0 ||
      plain.some(
        (isPlain, c) => isPlain && !isSurrogateClass(dfa.classStarts, c) && live[dfa.table[state * width + c]] === 0,
      );
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
