import { codeSet, type CodeSet } from './code-set.js';
import { classOf, classStartsOf, DEAD, DfaBuilder, isSurrogateClass, REJECT, type Dfa } from './dfa.js';
import type { Nfa } from './nfa.js';
import { reduce } from './reduce.js';

/** The characters of `\w`: what word boundaries are about. */
export const WORD_CODES: CodeSet = codeSet([0x30, 0x39, 0x41, 0x5a, 0x5f, 0x5f, 0x61, 0x7a]);

/** What lies on a side of a position. */
type Side = 'edge' | 'word' | 'other';

/**
 * The deterministic automaton of the texts that lead from `start` to a state with a label, by subset construction.
 * Assertions are decided when the character after them is known, as in RE2: a state remembers what came before.
 */
export function determinize(nfa: Nfa, start: number, labels: ReadonlyMap<number, number>): Dfa {
  const classStarts = classStartsOf(boundariesOf(nfa));
  const width = classStarts.length;
  const sides: Side[] = Array.from(classStarts, (code) => (isWord(code) ? 'word' : 'other'));
  const builder = new DfaBuilder(classStarts);
  const known = new Map<string, number>();
  const subsets: { states: readonly number[]; before: Side }[] = [{ states: [], before: 'edge' }];

  const stateOf = (states: readonly number[], before: Side): number => {
    if (states.length === 0) return DEAD;
    const closed = close(nfa, states);
    const side = nfa.hasAssertions ? before : 'edge';
    const key = `${side}:${closed.join()}`;
    let id = known.get(key);
    if (id === undefined) {
      id = builder.add(labelOf(resolve(nfa, closed, side, 'edge'), labels));
      known.set(key, id);
      subsets.push({ states: closed, before: side });
    }
    builder.spend(closed.length);
    return id;
  };

  const first = stateOf([start], 'edge');
  for (let id = 1; id < subsets.length; id++) {
    const { states, before } = subsets[id];
    for (const after of nfa.hasAssertions ? (['word', 'other'] as const) : (['other'] as const)) {
      const targets: (number[] | undefined)[] = new Array(width).fill(undefined);
      for (const state of resolve(nfa, states, before, after)) {
        for (const { set, to } of nfa.moves[state]) {
          for (let i = 0; i < set.length; i += 2) {
            for (let c = classOf(classStarts, set[i]); c < width && classStarts[c] <= set[i + 1]; c++) {
              if (nfa.hasAssertions && sides[c] !== after) continue;
              (targets[c] ??= []).push(to);
              builder.spend(1);
            }
          }
        }
      }
      targets.forEach((to, c) => {
        if (to && !isSurrogateClass(classStarts, c)) builder.setMove(id, c, stateOf(to, sides[c]));
      });
    }
  }
  return reduce(builder.build(first));
}

function boundariesOf(nfa: Nfa): Set<number> {
  const boundaries = new Set<number>();
  const add = (set: CodeSet): void => {
    for (let i = 0; i < set.length; i += 2) boundaries.add(set[i]).add(set[i + 1] + 1);
  };
  for (const moves of nfa.moves) for (const { set } of moves) add(set);
  if (nfa.hasAssertions) add(WORD_CODES);
  return boundaries;
}

function isWord(code: number): boolean {
  for (let i = 0; i < WORD_CODES.length; i += 2) if (code >= WORD_CODES[i] && code <= WORD_CODES[i + 1]) return true;
  return false;
}

/** The states reached without reading, sorted; assertions are not crossed. */
function close(nfa: Nfa, states: readonly number[]): number[] {
  const reached = new Set(states);
  for (const state of reached) for (const to of nfa.empties[state]) reached.add(to);
  return [...reached].sort((a, b) => a - b);
}

/** The states reached without reading when the characters on both sides are known. */
function resolve(nfa: Nfa, states: readonly number[], before: Side, after: Side): Iterable<number> {
  if (!nfa.hasAssertions) return states;
  const reached = new Set(states);
  for (const state of reached) {
    for (const to of nfa.empties[state]) reached.add(to);
    for (const { kind, to } of nfa.assertions[state]) {
      const holds =
        kind === 'start'
          ? before === 'edge'
          : kind === 'end'
            ? after === 'edge'
            : ((before === 'word') !== (after === 'word')) === (kind === 'word');
      if (holds) reached.add(to);
    }
  }
  return reached;
}

function labelOf(states: Iterable<number>, labels: ReadonlyMap<number, number>): number {
  for (const state of states) {
    const label = labels.get(state);
    if (label !== undefined) return label;
  }
  return REJECT;
}
