import { intersect, isEmpty, relabel, subtract, union, wordsOf } from '../automata/algebra.js';
import { DEAD, REJECT, type Dfa } from '../automata/dfa.js';
import type { ExpressionTable } from './expression.js';
import type { Expression, ObjectForm } from './model.js';
import { valueOf } from './object-form.js';

/** A key of an object, or all keys of a language, that share a condition. Its number plus one is its label in the language of keys. */
export interface KeyGroup {
  /** The key, for a group of one that may occur once; undefined for a language. */
  readonly key: string | undefined;
  /** All keys of the group; single keys take precedence over languages. Undefined for a single key. */
  readonly keys: Dfa | undefined;
  readonly value: Expression;
  /** The demands of the form's `some` that a key of the group can meet. */
  readonly meets: readonly number[];
}

/** The groups of a form: all keys that it mentions, in its order, then the languages of the others. */
export function keyGroups(table: ExpressionTable, form: ObjectForm): readonly KeyGroup[] {
  const names = new Set([...form.named.keys(), ...form.required, ...form.implied.keys()]);
  for (const keys of form.implied.values()) for (const key of keys) names.add(key);
  const singles = Array.from(
    names,
    (key): KeyGroup => ({ key, keys: undefined, value: valueOf(table, form, key), meets: [] }),
  );
  let languages = form.rest.map(({ keys, value }) => ({ keys, value, meets: [] as readonly number[] }));
  form.some.forEach((demand, i) => {
    languages = languages.flatMap(({ keys, value, meets }) => [
      { keys: intersect(keys, demand.keys), value, meets: [...meets, i] },
      { keys: subtract(keys, demand.keys), value, meets },
    ]);
    languages = languages.filter(({ keys }) => !isEmpty(keys));
  });
  return [...singles, ...languages.map((group) => ({ key: undefined, ...group }))];
}

/** The language of the keys of all groups, labelled; languages whose keys may not come are left out. */
export function keyLanguage(groups: readonly KeyGroup[], isUsable: (group: number) => boolean): Dfa {
  const singles = groups.flatMap(({ key }) => (key === undefined ? [] : [key]));
  // Single keys stay, usable or not, to be told from those of languages.
  const names = wordsOf(singles, (i) => i + 1);
  return groups.reduce((all, { keys }, i) => (keys && isUsable(i) ? union(all, relabel(keys, i + 1)) : all), names);
}

/**
 * The groups of the keys that each state of their language can still become, as bits: a state's are its own and those of the states behind it.
 * States are taken behind those that they lead to, so that one pass is all, unless there are loops.
 */
export class ReachableGroups {
  readonly #words: number;
  /** (states, words) */
  readonly #bits: Uint32Array;
  readonly #known: (bigint | undefined)[] = [];

  constructor(keys: Dfa) {
    const { labels, size, start } = keys;
    this.#words = (labels.reduce((most, label) => Math.max(most, label), 0) + 31) >>> 5;
    this.#bits = new Uint32Array(size * this.#words);
    labels.forEach((label, state) => {
      if (label !== REJECT) this.#bits[state * this.#words + ((label - 1) >>> 5)] = 1 << ((label - 1) & 31);
    });
    if (start === DEAD) return;
    const { order, hasLoops } = lastFirst(keys);
    while (this.#pass(keys, order) && hasLoops);
  }

  /** The bit of a group is its number. */
  of(state: number): bigint {
    return (this.#known[state] ??= this.#bitsOf(state));
  }

  #bitsOf(state: number): bigint {
    let digits = '0x0';
    for (let word = this.#words - 1; word >= 0; word--)
      digits += this.#bits[state * this.#words + word].toString(16).padStart(8, '0');
    return BigInt(digits);
  }

  /** Adds to each state what the next ones have; gives whether that was anything. */
  #pass({ table, classCount: width, size }: Dfa, order: Int32Array): boolean {
    const words = this.#words;
    const bits = this.#bits;
    /** (states) the last state that was seen to lead there: most do so by many characters. */
    const seen = new Int32Array(size);
    let changed = 0;
    for (const state of order) {
      for (let cell = state * width; cell < (state + 1) * width; cell++) {
        const next = table[cell];
        if (next === DEAD || next === state || seen[next] === state) continue;
        seen[next] = state;
        for (let word = 0; word < words; word++) {
          const before = bits[state * words + word];
          changed |= (bits[state * words + word] = before | bits[next * words + word]) ^ before;
        }
      }
    }
    return changed !== 0;
  }
}

/** The states that the start reaches, each behind those that it leads to, but where loops do not allow it. */
function lastFirst({ table, classCount: width, size, start }: Dfa): {
  readonly order: Int32Array;
  readonly hasLoops: boolean;
} {
  const order = new Int32Array(size);
  /** (states) 1 while a state's next ones are looked at, 2 behind that. */
  const marks = new Uint8Array(size);
  const cells = new Int32Array(size);
  const stack = [start];
  let count = 0;
  let hasLoops = false;
  marks[start] = 1;
  while (stack.length > 0) {
    const state = stack[stack.length - 1];
    if (cells[state] === width) {
      marks[state] = 2;
      order[count++] = state;
      stack.pop();
      continue;
    }
    const next = table[state * width + cells[state]++];
    if (next === DEAD || next === state) continue;
    if (marks[next] === 1) hasLoops = true;
    if (marks[next] !== 0) continue;
    marks[next] = 1;
    stack.push(next);
  }
  return { order: order.subarray(0, count), hasLoops };
}
