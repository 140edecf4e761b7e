import { countTexts, relabel, subtract, union, wordsOf } from '../automata/algebra.js';
import { DEAD, REJECT, type Dfa } from '../automata/dfa.js';
import { reverseMoves } from '../automata/reduce.js';
import { grammarError } from '../limits.js';
import type { ExpressionTable } from './expression.js';
import type { Expression, ObjectForm } from './model.js';
import { valueOf } from './object-form.js';

/** A key of an object, or all keys of a language, that share a condition. Its number plus one is its label in the language of keys. */
export interface KeyGroup {
  /** The key, for a group of one that may occur once; undefined for a language. */
  readonly key: string | undefined;
  readonly value: Expression;
}

/** How far an object has come. */
export interface ObjectProgress {
  /** Bit `i` is set when the single key of group `i` has occurred. */
  readonly seen: bigint;
  /** Keys so far, clamped where more make no difference. */
  readonly count: number;
  /** The group of the last key, where the order matters. */
  readonly last: number;
}

/** In which order the properties that a schema names may come: any, or that in which it names them (others come last). */
export type PropertyOrder = 'any' | 'schema';

/** Which keys an object may have one after the other, so that it can always be finished. */
export class ObjectPlan {
  readonly groups: readonly KeyGroup[];
  /** Whether different keys have to be counted, so that keys that came already have to be told from new ones. */
  readonly needsDistinct: boolean;
  readonly isPossible: boolean;
  readonly #form: ObjectForm;
  readonly #order: PropertyOrder;
  readonly #min: number;
  readonly #required: bigint;
  /** (groups) the groups that must occur if one does, itself included. */
  readonly #implied: readonly bigint[];
  readonly #usable: bigint;
  readonly #singles: bigint;
  /** How many different keys of languages there are, as far as that matters. */
  readonly #restCount: number;
  #keys: Dfa | undefined;

  /** @param inhabited whether some value satisfies a condition */
  constructor(table: ExpressionTable, form: ObjectForm, inhabited: (expression: Expression) => boolean, order: PropertyOrder) {
    this.#form = form;
    this.#order = order;
    const names = new Set([...form.named.keys(), ...form.required, ...form.implied.keys(), ...[...form.implied.values()].flatMap((keys) => [...keys])]);
    const singles = Array.from(names, (key) => ({ key, value: valueOf(table, form, key) }));
    this.groups = [...singles, ...form.rest.map(({ value }) => ({ key: undefined, value }))];
    const numbers = new Map(singles.map(({ key }, i) => [key, BigInt(i)]));
    const bitsOf = (keys: Iterable<string>): bigint => [...keys].reduce((bits, key) => bits | (1n << numbers.get(key)!), 0n);
    this.#singles = (1n << BigInt(singles.length)) - 1n;
    this.#usable = this.groups.reduce((bits, { value }, i) => (inhabited(value) ? bits | (1n << BigInt(i)) : bits), 0n);
    const direct = this.groups.map(({ key }, i) => (1n << BigInt(i)) | (key === undefined ? 0n : bitsOf(form.implied.get(key) ?? [])));
    this.#implied = form.implied.size === 0 ? direct : direct.map((bits) => closure(bits, direct));
    this.#required = this.#withImplied(bitsOf(form.required));

    const guaranteed = countBits(this.#required);
    this.#min = form.min > guaranteed ? form.min : 0;
    const restUsable = this.#usable >> BigInt(singles.length) !== 0n;
    this.needsDistinct = restUsable && form.min - guaranteed >= 2;
    this.#restCount = this.#min === 0 || !restUsable ? 0 : this.#countRest(inhabited);
    if (form.implied.size > 0 && this.#min > 0 && this.#restCount < Infinity) throw grammarError('minProperties cannot be enforced beside dependentRequired when the possible keys are few', { keyword: 'minProperties' });
    const possible = (this.#required & ~this.#usable) === 0n && Math.max(guaranteed, form.min) <= form.max;
    this.isPossible = possible && this.#restCount + countBits(this.#usable & this.#singles) >= this.#min;
  }

  readonly start: ObjectProgress = { seen: 0n, count: 0, last: 0 };

  /** The language of all keys; the label of a key is its group's number plus one. */
  get keys(): Dfa {
    if (!this.#keys) {
      const singles = this.groups.filter(({ key }) => key !== undefined);
      const names = wordsOf(singles.map(({ key }) => key!), (i) => i + 1);
      // Languages whose keys may not come are left out; single keys stay, to be told from those of languages.
      this.#keys = this.#form.rest.reduce((all, { keys }, i) => {
        const group = singles.length + i;
        return (this.#usable >> BigInt(group)) & 1n ? union(all, relabel(keys, group + 1)) : all;
      }, names);
    }
    return this.#keys;
  }

  canEnd({ seen, count }: ObjectProgress): boolean {
    return (this.#needed(seen) & ~seen) === 0n && count >= this.#min;
  }

  /** The groups whose keys may come next. */
  available(progress: ObjectProgress): bigint {
    const free = this.#usable & ~(progress.seen & this.#singles);
    const isPlain = this.#form.implied.size === 0 && this.#form.max === Infinity && this.#order === 'any';
    if (isPlain) return free;
    let bits = 0n;
    this.groups.forEach((_, i) => {
      if ((free >> BigInt(i)) & 1n && this.#fits(progress, i)) bits |= 1n << BigInt(i);
    });
    return bits;
  }

  /** The progress after a key of a group. */
  after({ seen, count }: ObjectProgress, group: number): ObjectProgress {
    const limit = this.#form.max === Infinity ? this.#min : this.#form.max;
    return {
      seen: this.groups[group].key === undefined ? seen : seen | (1n << BigInt(group)),
      count: Math.min(count + 1, limit),
      last: this.#order === 'any' ? 0 : group,
    };
  }

  /** Whether the object can be finished after a key of a group. */
  #fits({ seen, count, last }: ObjectProgress, group: number): boolean {
    const bit = 1n << BigInt(group);
    const after = this.groups[group].key === undefined ? seen : seen | bit;
    if (this.#order === 'schema') {
      const later = countBits(this.#usable & this.#singles & ~(2n * bit - 1n));
      if (group < last || (this.#needed(after) & ~after & (bit - 1n)) !== 0n || count + 1 + later + this.#restCount < this.#min) return false;
    }
    const needed = this.#needed(after);
    if ((needed & ~this.#usable) !== 0n) return false;
    return count + 1 + countBits(needed & ~after) <= this.#form.max;
  }

  /** All keys that must be there when those seen are. */
  #needed(seen: bigint): bigint {
    return this.#form.implied.size === 0 ? this.#required : this.#required | this.#withImplied(seen);
  }

  #withImplied(bits: bigint): bigint {
    return closure(bits, this.#implied);
  }

  #countRest(inhabited: (expression: Expression) => boolean): number {
    const names = wordsOf(this.groups.flatMap(({ key }) => (key === undefined ? [] : [key])));
    const rest = this.#form.rest.filter(({ value }) => inhabited(value)).map(({ keys }) => subtract(keys, names));
    return rest.reduce((sum, keys) => sum + countTexts(keys)[keys.start], 0);
  }
}

/** The bits, and all that they lead to. */
function closure(bits: bigint, implied: readonly bigint[]): bigint {
  for (let before = -1n; before !== bits; ) {
    before = bits;
    for (let rest = bits, i = 0; rest !== 0n; rest >>= 1n, i++) if (rest & 1n) bits |= implied[i];
  }
  return bits;
}

export function countBits(bits: bigint): number {
  let count = 0;
  for (let rest = bits; rest !== 0n; rest &= rest - 1n) count++;
  return count;
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
