import { MAX_CODE_POINT } from './code-set.js';
import { automaton } from './compilation.js';
import { ACCEPT, classOf, classStartsOf, DEAD, Dfa, DfaBuilder, isSurrogateClass, REJECT } from './dfa.js';
import { liveStates, reduce, trim } from './reduce.js';

/** The language of no text at all. */
export const NO_TEXT: Dfa = new Dfa(Int32Array.of(0), Int32Array.of(DEAD), Int32Array.of(REJECT), DEAD);

/** The language of all texts. */
export const ALL_TEXTS: Dfa = lengthBetween(0);

/** Texts of `min` to `max` code points; without `max`, of any length from `min` on. */
export function lengthBetween(min: number, max?: number): Dfa {
  return automaton(() => makeLengthBetween(min, max));
}

function makeLengthBetween(min: number, max?: number): Dfa {
  const classStarts = classStartsOf([]);
  const builder = new DfaBuilder(classStarts);
  const count = max ?? min;
  builder.spend(count);
  for (let length = 0; length <= count; length++) builder.add(length >= min ? ACCEPT : REJECT);
  for (let length = 0; length <= count; length++) {
    const next = length < count ? length + 2 : max === undefined ? length + 1 : DEAD;
    for (let c = 0; c < classStarts.length; c++)
      if (!isSurrogateClass(classStarts, c)) builder.setMove(length + 1, c, next);
  }
  return builder.build(max !== undefined && max < min ? DEAD : 1);
}

/** The finite language of the given texts; text `i` has label `labelOf(i)`. Texts with lone surrogates are left out. */
export function wordsOf(words: readonly string[], labelOf: (index: number) => number = () => ACCEPT): Dfa {
  return automaton(() => makeWordsOf(words, labelOf));
}

function makeWordsOf(words: readonly string[], labelOf: (index: number) => number): Dfa {
  const boundaries = new Set<number>();
  for (const word of words) for (const char of word) boundaries.add(char.codePointAt(0)!).add(char.codePointAt(0)! + 1);
  const classStarts = classStartsOf(boundaries);
  const builder = new DfaBuilder(classStarts);
  const moves: Map<number, number>[] = [new Map(), new Map()];
  const ends = new Map<number, number>();
  const start = builder.add(REJECT);
  const labels: number[] = [REJECT, REJECT];
  words.forEach((word, index) => {
    builder.spend(word.length);
    if (hasLoneSurrogate(word)) return;
    let state = start;
    for (const char of word) {
      const c = classOf(classStarts, char.codePointAt(0)!);
      let next = moves[state].get(c);
      if (next === undefined) {
        next = builder.add(REJECT);
        moves.push(new Map());
        labels.push(REJECT);
        moves[state].set(c, next);
        builder.setMove(state, c, next);
      }
      state = next;
    }
    if (labels[state] === REJECT) labels[state] = labelOf(index);
    ends.set(state, labels[state]);
  });
  const made = builder.build(start);
  for (const [state, label] of ends) made.labels[state] = label;
  return reduce(made);
}

/** Whether a text holds half of a surrogate pair: UTF-8 has no bytes for it. */
export function hasLoneSurrogate(text: string): boolean {
  return /[\uD800-\uDFFF]/u.test(text);
}

/** The texts that `keep` gives a label, asked with the labels of both languages. `keep(0, 0)` must be 0. */
function product(a: Dfa, b: Dfa, keep: (a: number, b: number) => number, needs: 'both' | 'first' | 'either'): Dfa {
  return automaton(() => makeProduct(a, b, keep, needs));
}

function makeProduct(a: Dfa, b: Dfa, keep: (a: number, b: number) => number, needs: 'both' | 'first' | 'either'): Dfa {
  const classStarts = classStartsOf([...a.classStarts, ...b.classStarts]);
  const width = classStarts.length;
  const classesOfA = classStarts.map((code) => classOf(a.classStarts, code));
  const classesOfB = classStarts.map((code) => classOf(b.classStarts, code));
  const builder = new DfaBuilder(classStarts);
  const known = new Map<number, number>();
  const pairs: [number, number][] = [[DEAD, DEAD]];
  const stateOf = (x: number, y: number): number => {
    if ((x === DEAD && (y === DEAD || needs !== 'either')) || (y === DEAD && needs === 'both')) return DEAD;
    const key = x * b.size + y;
    let id = known.get(key);
    if (id === undefined) {
      id = builder.add(keep(a.labels[x], b.labels[y]));
      known.set(key, id);
      pairs.push([x, y]);
    }
    return id;
  };
  const start = stateOf(a.start, b.start);
  for (let id = 1; id < pairs.length; id++) {
    const [x, y] = pairs[id];
    builder.spend(width);
    for (let c = 0; c < width; c++) {
      const [nextX, nextY] = [a.table[x * a.classCount + classesOfA[c]], b.table[y * b.classCount + classesOfB[c]]];
      builder.setMove(id, c, stateOf(nextX, nextY));
    }
  }
  return needs === 'either' ? reduce(builder.build(start)) : trim(builder.build(start));
}

/** Texts of both languages, with the labels of the first. */
export function intersect(a: Dfa, b: Dfa): Dfa {
  if (a === b || b === ALL_TEXTS) return a;
  return product(a, b, (x, y) => (y === REJECT ? REJECT : x), 'both');
}

/** Texts of either language; the first one's label wins. */
export function union(a: Dfa, b: Dfa): Dfa {
  if (a === b || isEmpty(b)) return a;
  if (isEmpty(a)) return b;
  return product(a, b, (x, y) => (x === REJECT ? y : x), 'either');
}

/** Texts of the first language that the second has not. */
export function subtract(a: Dfa, b: Dfa): Dfa {
  if (isEmpty(b)) return a;
  return product(a, b, (x, y) => (y === REJECT ? x : REJECT), 'first');
}

/** All texts that the language has not. */
export function complement(dfa: Dfa): Dfa {
  return subtract(ALL_TEXTS, dfa);
}

/** The same texts, all with this label. */
export function relabel(dfa: Dfa, label: number): Dfa {
  return new Dfa(
    dfa.classStarts,
    dfa.table,
    dfa.labels.map((old) => (old === REJECT ? REJECT : label)),
    dfa.start,
    dfa.isTrim,
  );
}

export function isEmpty(dfa: Dfa): boolean {
  return dfa.start === DEAD || (!dfa.isTrim && liveStates(dfa)[dfa.start] === 0);
}

export function isAllTexts(dfa: Dfa): boolean {
  return dfa === ALL_TEXTS || isEmpty(complement(dfa));
}

/** (states) how many texts lead from each state to a label; Infinity where a loop does. */
export function countTexts(dfa: Dfa): Float64Array {
  const live = liveStates(dfa);
  const counts = new Float64Array(dfa.size).fill(NaN);
  const sizes = Array.from(dfa.classStarts, (start, c) => (dfa.classStarts[c + 1] ?? MAX_CODE_POINT + 1) - start);
  const open = new Uint8Array(dfa.size);
  const stack: number[] = [];
  counts[DEAD] = 0;
  for (let root = 1; root < dfa.size; root++) {
    if (live[root] === 0) counts[root] = 0;
    else if (Number.isNaN(counts[root])) stack.push(root);
    while (stack.length > 0) {
      const state = stack[stack.length - 1];
      if (!Number.isNaN(counts[state])) {
        stack.pop();
        continue;
      }
      const nexts = dfa.table.subarray(state * dfa.classCount, (state + 1) * dfa.classCount);
      if (open[state] === 0) {
        open[state] = 1;
        for (const next of nexts)
          if (Number.isNaN(counts[next]) && live[next] === 1 && open[next] === 0) stack.push(next);
        continue;
      }
      // A next state without a count that is open lies below on the stack: a loop.
      let count = dfa.labels[state] === REJECT ? 0 : 1;
      nexts.forEach((next, c) => {
        if (live[next] === 0) return;
        count += Number.isNaN(counts[next]) ? Infinity : counts[next] * sizes[c];
      });
      counts[state] = count;
      stack.pop();
    }
  }
  return counts;
}

/** All texts of a language in order of code points, or undefined if there are more than `limit`. */
export function enumerateTexts(dfa: Dfa, limit: number): readonly string[] | undefined {
  if (isEmpty(dfa)) return [];
  if (countTexts(dfa)[dfa.start] > limit) return undefined;
  const texts: string[] = [];
  const live = liveStates(dfa);
  const stack: [state: number, text: string][] = [[dfa.start, '']];
  while (stack.length > 0) {
    const [state, text] = stack.pop()!;
    if (dfa.labels[state] !== REJECT) texts.push(text);
    for (let c = dfa.classCount - 1; c >= 0; c--) {
      const next = dfa.table[state * dfa.classCount + c];
      if (live[next] === 0) continue;
      const end = dfa.classStarts[c + 1] ?? MAX_CODE_POINT + 1;
      for (let code = end - 1; code >= dfa.classStarts[c]; code--)
        stack.push([next, text + String.fromCodePoint(code)]);
    }
  }
  return texts;
}
