import { intersect, isEmpty, relabel, subtract, union, wordsOf } from '../automata/algebra.js';
import { DEAD, REJECT, type Dfa } from '../automata/dfa.js';
import { reverseMoves } from '../automata/reduce.js';
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

/** (states) the groups of the keys that each state can still become. */
export function reachableGroups(keys: Dfa): readonly bigint[] {
  const { sources, offsets } = reverseMoves(keys);
  const groups = Array.from(keys.labels, (label) => (label === REJECT ? 0n : 1n << BigInt(label - 1)));
  const queue = groups.flatMap((bits, state) => (bits === 0n ? [] : [state]));
  while (queue.length > 0) {
    const state = queue.pop()!;
    for (let i = offsets[state]; i < offsets[state + 1]; i++) {
      const source = sources[i];
      if (source === DEAD || (groups[state] & ~groups[source]) === 0n) continue;
      groups[source] |= groups[state];
      queue.push(source);
    }
  }
  return groups;
}
