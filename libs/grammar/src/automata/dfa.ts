import { LIMITS, limitError } from '../limits.js';
import { spendWork } from './spend-work.js';
import { MAX_CODE_POINT, SURROGATE_END, SURROGATE_START } from './code-set.js';

/** The state from which nothing is accepted. */
export const DEAD = 0;
/** The label of a state in which a text may not end. */
export const REJECT = 0;
/** The label that plain languages give to the texts they accept. */
export const ACCEPT = 1;

/**
 * A deterministic automaton over Unicode scalar values: a language of texts, each with a label (1 unless the maker chose others).
 *
 * Code points are grouped into classes: class `c` holds the code points from `classStarts[c]` to the start of the next class.
 * `table[state * classCount + class]` is the next state; state 0 is dead and leads only to itself. Surrogates have classes
 * of their own that lead to state 0. Automata are never changed after they were made.
 */
export class Dfa {
  readonly classStarts: Int32Array;
  readonly table: Int32Array;
  /** (states) label of the texts that end in a state, 0 for none. */
  readonly labels: Int32Array;
  readonly start: number;
  /** Whether it is known that from each of its states but 0 a label can be reached. */
  readonly isTrim: boolean;

  constructor(classStarts: Int32Array, table: Int32Array, labels: Int32Array, start: number, isTrim = false) {
    this.classStarts = classStarts;
    this.table = table;
    this.labels = labels;
    this.start = start;
    this.isTrim = isTrim;
  }

  get classCount(): number {
    return this.classStarts.length;
  }

  /** Number of states, the dead one included. */
  get size(): number {
    return this.labels.length;
  }

  /** The state after one more code point. */
  next(state: number, code: number): number {
    return this.table[state * this.classCount + classOf(this.classStarts, code)];
  }

  /** The label of a text; 0 if the language does not have it. */
  labelOf(text: string): number {
    let state = this.start;
    for (const char of text) {
      if (state === DEAD) return REJECT;
      state = this.next(state, char.codePointAt(0)!);
    }
    return this.labels[state];
  }

  accepts(text: string): boolean {
    return this.labelOf(text) !== REJECT;
  }
}

/** The class that a code point falls in. */
export function classOf(classStarts: Int32Array, code: number): number {
  let low = 0;
  let high = classStarts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (classStarts[middle] <= code) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Sorted class starts from any boundaries; surrogates always get a class of their own. */
export function classStartsOf(boundaries: Iterable<number>): Int32Array {
  const starts = new Set([0, SURROGATE_START, SURROGATE_END + 1]);
  for (const boundary of boundaries) if (boundary <= MAX_CODE_POINT) starts.add(boundary);
  return Int32Array.from(starts).sort();
}

/** Whether a class holds surrogates, which no text contains. */
export function isSurrogateClass(classStarts: Int32Array, index: number): boolean {
  return classStarts[index] >= SURROGATE_START && classStarts[index] <= SURROGATE_END;
}

/** Collects the states of an automaton that is made by exploring; state 0 (dead) is there from the start. */
export class DfaBuilder {
  readonly #rows: Int32Array[] = [];
  readonly #labels: number[] = [];
  readonly #classStarts: Int32Array;
  #work = 0;

  constructor(classStarts: Int32Array) {
    this.#classStarts = classStarts;
    this.add(REJECT);
  }

  get size(): number {
    return this.#labels.length;
  }

  /** Adds a state without moves. */
  add(label: number): number {
    const cells = (this.size + 1) * this.#classStarts.length;
    if (this.size >= LIMITS.dfaStates) throw limitError('dfaStates', 'states for one string or number');
    if (cells > LIMITS.dfaCells) throw limitError('dfaCells', 'transitions for one string or number');
    this.#labels.push(label);
    this.#rows.push(new Int32Array(this.#classStarts.length));
    return this.size - 1;
  }

  setMove(from: number, classIndex: number, to: number): void {
    this.#rows[from][classIndex] = to;
  }

  /** Counts steps of the construction against the limit. */
  spend(steps: number): void {
    spendWork(steps);
    this.#work += steps;
    if (this.#work > LIMITS.dfaWork) throw limitError('dfaWork', 'steps to make one automaton');
  }

  build(start: number): Dfa {
    const width = this.#classStarts.length;
    const table = new Int32Array(this.size * width);
    this.#rows.forEach((row, state) => table.set(row, state * width));
    return new Dfa(this.#classStarts, table, Int32Array.from(this.#labels), start);
  }
}
