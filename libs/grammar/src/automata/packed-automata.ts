import type { AutomatonData, MadeAutomata } from './compilation.js';

/** Cells of a transition table up to which an automaton is put together with others. */
const SMALL_CELLS = 4096;
/** Numbers that say of an automaton how it lies: classes, cells, states, start, whether it is trim. */
const HEAD = 5;
/** Automata that are taken apart between two stops. */
const PIECE = 128;

/** Automata on their way from one thread to another: thousands of small ones would take long to be handed over one by one. */
export interface PackedAutomata {
  /** Those that are not small, and what was refused; undefined where a small one stands. */
  readonly others: readonly (MadeAutomata[number] | undefined)[];
  /** Of each small one, in order: its head, then class starts, table and labels. */
  readonly small: Int32Array;
}

/** Puts the automata of a compilation together. Their data are copied only where they are small. */
export function packAutomata(made: MadeAutomata): PackedAutomata {
  const isSmall = (one: MadeAutomata[number]): one is AutomatonData =>
    'table' in one && one.facts === undefined && one.table.length <= SMALL_CELLS;
  const length = made
    .filter(isSmall)
    .reduce((sum, { classStarts, table, labels }) => sum + HEAD + classStarts.length + table.length + labels.length, 0);
  const small = new Int32Array(length);
  let at = 0;
  const others = made.map((one) => {
    if (!isSmall(one)) return one;
    const { classStarts, table, labels, start, isTrim } = one;
    for (const part of [
      [classStarts.length, table.length, labels.length, start, Number(isTrim)],
      classStarts,
      table,
      labels,
    ]) {
      small.set(part, at);
      at += part.length;
    }
    return undefined;
  });
  return { others, small };
}

/** Takes them apart again, with stops on the way. */
export function* unpackSteps({ others, small }: PackedAutomata): Generator<undefined, MadeAutomata> {
  const made: MadeAutomata[number][] = [];
  let at = 0;
  const take = (length: number): Int32Array => small.slice(at, (at += length));
  for (const other of others) {
    if (made.length % PIECE === PIECE - 1) yield;
    if (other) {
      made.push(other);
      continue;
    }
    const [classes, cells, states, start, isTrim] = take(HEAD);
    made.push({ classStarts: take(classes), table: take(cells), labels: take(states), start, isTrim: isTrim === 1 });
  }
  return made;
}
