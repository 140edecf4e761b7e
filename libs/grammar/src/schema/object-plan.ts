import { countTexts, subtract, wordsOf } from '../automata/algebra.js';
import type { Dfa } from '../automata/dfa.js';
import { grammarError } from '../limits.js';
import type { ExpressionTable } from './expression.js';
import { keyGroups, keyLanguage, type KeyGroup } from './key-groups.js';
import type { Expression, ObjectForm } from './model.js';

/** How far an object has come. */
export interface ObjectProgress {
  /** Bit `i` is set when the single key of group `i` has occurred. */
  readonly seen: bigint;
  /** Bit `i` is set when demand `i` of the form's `some` is met. */
  readonly met: bigint;
  /** Keys so far, clamped where more make no difference. */
  readonly count: number;
  /** The group of the last key, where the order matters. */
  readonly last: number;
}

/** One way the value of a key may be. */
export interface ValueOption {
  readonly value: Expression;
  readonly next: ObjectProgress;
}

/** In which order the properties that a schema names may come: any, or that in which it names them (others come last). */
export type PropertyOrder = 'any' | 'schema';

/** Which keys an object may have one after the other, so that it can always be finished. The form's `some` must be settled. */
export class ObjectPlan {
  readonly groups: readonly KeyGroup[];
  /** Whether different keys have to be counted, so that keys that came already have to be told from new ones. */
  readonly needsDistinct: boolean;
  readonly isPossible: boolean;
  readonly start: ObjectProgress = { seen: 0n, met: 0n, count: 0, last: 0 };
  readonly #table: ExpressionTable;
  readonly #inhabited: (expression: Expression) => boolean;
  readonly #form: ObjectForm;
  readonly #order: PropertyOrder;
  readonly #min: number;
  readonly #singleCount: number;
  readonly #required: bigint;
  /** (groups) the groups that must occur if one does, itself included. */
  readonly #implied: readonly bigint[];
  readonly #usable: bigint;
  readonly #singles: bigint;
  /** (groups) how many of the single keys behind each may come. */
  readonly #later: Int32Array;
  /** All demands of the form's `some`. */
  readonly #demands: bigint;
  /** How many different keys of languages there are, as far as that matters. */
  readonly #restCount: number;
  #keys: Dfa | undefined;

  /** @param inhabited whether some value satisfies a condition */
  constructor(
    table: ExpressionTable,
    form: ObjectForm,
    inhabited: (expression: Expression) => boolean,
    order: PropertyOrder,
  ) {
    this.#table = table;
    this.#inhabited = inhabited;
    this.#form = form;
    this.#order = order;
    this.groups = keyGroups(table, form);
    const numbers = new Map(this.groups.map(({ key }, i) => [key, BigInt(i)]));
    const bitsOf = (keys: Iterable<string>): bigint =>
      [...keys].reduce((bits, key) => bits | (1n << numbers.get(key)!), 0n);
    this.#singleCount = this.groups.filter(({ key }) => key !== undefined).length;
    this.#singles = (1n << BigInt(this.#singleCount)) - 1n;
    this.#demands = (1n << BigInt(form.some.length)) - 1n;
    this.#usable = this.groups.reduce((bits, { value }, i) => (inhabited(value) ? bits | (1n << BigInt(i)) : bits), 0n);
    this.#later = new Int32Array(this.groups.length);
    for (let i = this.groups.length - 2; i >= 0; i--)
      this.#later[i] = this.#later[i + 1] + (i + 1 < this.#singleCount && inhabited(this.groups[i + 1].value) ? 1 : 0);
    const direct = this.groups.map(
      ({ key }, i) => (1n << BigInt(i)) | (key === undefined ? 0n : bitsOf(form.implied.get(key) ?? [])),
    );
    this.#implied = form.implied.size === 0 ? direct : direct.map((bits) => closure(bits, direct));
    this.#required = this.#withImplied(bitsOf(form.required));

    const guaranteed = countBits(this.#required);
    this.#min = form.min > guaranteed ? form.min : 0;
    const restUsable = this.#usable >> BigInt(this.#singleCount) !== 0n;
    this.needsDistinct = restUsable && (form.min - guaranteed >= 2 || form.some.length > 0);
    this.#restCount = this.#min === 0 || !restUsable ? 0 : this.#countRest();
    if (form.implied.size > 0 && this.#min > 0 && this.#restCount < Infinity) {
      throw grammarError('minProperties cannot be enforced beside dependentRequired when the possible keys are few', {
        keyword: 'minProperties',
      });
    }
    this.isPossible =
      (this.#required & ~this.#usable) === 0n &&
      Math.max(guaranteed + form.some.length, form.min) <= form.max &&
      form.some.every(({ value }) => inhabited(value)) &&
      this.#restCount + countBits(this.#usable & this.#singles) >= this.#min;
  }

  /** Whether there is always one more key without a name. */
  get isEndless(): boolean {
    return this.groups.some(
      ({ keys, value }) => keys && this.#inhabited(value) && countTexts(keys)[keys.start] === Infinity,
    );
  }

  /** The language of all keys; the label of a key is its group's number plus one. */
  get keys(): Dfa {
    return (this.#keys ??= keyLanguage(this.groups, (group) => ((this.#usable >> BigInt(group)) & 1n) === 1n));
  }

  /** Conditions that values may have to satisfy, whether or not values do. */
  conditions(): Expression[] {
    return [
      ...new Set(
        this.groups.flatMap(({ value, meets }) =>
          choicesOf(meets).map((choice) => this.#valueThatMeets(value, choice)),
        ),
      ),
    ];
  }

  /** Conditions of the values that may come, each once: those of the keys that may come first, first. */
  usableValues(): Iterable<Expression> {
    return new Set(this.groups.flatMap(({ value }, i) => (((this.#usable >> BigInt(i)) & 1n) === 1n ? [value] : [])));
  }

  canEnd({ seen, met, count }: ObjectProgress): boolean {
    return (this.#needed(seen) & ~seen) === 0n && met === this.#demands && count >= this.#min;
  }

  /** Whether the key of a group has to come, given those that came. */
  isRequired({ seen }: ObjectProgress, group: number): boolean {
    return ((this.#needed(seen) >> BigInt(group)) & 1n) === 1n;
  }

  /** The groups whose keys may come next. */
  available(progress: ObjectProgress): bigint {
    const free = this.#usable & ~(progress.seen & this.#singles);
    const isPlain = this.#form.implied.size === 0 && this.#form.max === Infinity;
    if (isPlain) return this.#order === 'any' ? free : free & this.#inOrder(progress);
    return this.#form.implied.size === 0
      ? this.#availableSingles(progress, free) | this.#availableOnes(progress, free, this.#singleCount)
      : this.#availableOnes(progress, free, 0);
  }

  /** Those of single keys, where none implies another: all that have to come, and the others where there is room for one more. */
  #availableSingles(progress: ObjectProgress, free: bigint): bigint {
    const { seen, met, count } = progress;
    const singles = free & this.#singles & (this.#order === 'any' ? -1n : this.#inOrder(progress));
    const missing = this.#required & ~seen;
    const left = this.#form.max - count - countBits(missing) - countBits(this.#demands & ~met);
    return left >= 1 ? singles : left === 0 ? singles & missing : 0n;
  }

  /** Those of groups from a number on, each looked at by itself. */
  #availableOnes(progress: ObjectProgress, free: bigint, from: number): bigint {
    let bits = 0n;
    for (let i = from; i < this.groups.length; i++) {
      if (
        (free >> BigInt(i)) & 1n &&
        this.#comesInOrder(progress, i) &&
        this.valueOptions(this.after(progress, i), i).length > 0
      )
        bits |= 1n << BigInt(i);
    }
    return bits;
  }

  /** The progress after a key of a group, before its value. */
  after({ seen, met, count }: ObjectProgress, group: number): ObjectProgress {
    return {
      seen: this.groups[group].key === undefined ? seen : seen | (1n << BigInt(group)),
      met,
      count: Math.min(count + 1, this.#form.max === Infinity ? this.#min : this.#form.max + 1),
      last: this.#order === 'any' ? 0 : Math.min(group, this.#singleCount),
    };
  }

  /** The ways the value of a key may be, after which the object can be finished. */
  valueOptions(progress: ObjectProgress, group: number): ValueOption[] {
    const { value, meets } = this.groups[group];
    const open = meets.filter((demand) => ((progress.met >> BigInt(demand)) & 1n) === 0n);
    return choicesOf(open)
      .map((choice) => ({
        value: this.#valueThatMeets(value, choice),
        next: { ...progress, met: choice.reduce((met, demand) => met | (1n << BigInt(demand)), progress.met) },
      }))
      .filter((option) => this.#inhabited(option.value) && this.#canFinish(option.next));
  }

  #valueThatMeets(value: Expression, demands: readonly number[]): Expression {
    return demands.length === 0
      ? value
      : this.#table.all(value, ...demands.map((demand) => this.#form.some[demand].value));
  }

  /** Whether what is missing can still come, and is not too much. */
  #canFinish({ seen, met, count }: ObjectProgress): boolean {
    const missing = this.#needed(seen) & ~seen;
    return (
      (missing & ~this.#usable) === 0n && count + countBits(missing) + countBits(this.#demands & ~met) <= this.#form.max
    );
  }

  /** Whether a key of a group may come now without cutting off what must come before it, in the order of the schema. */
  #comesInOrder({ seen, count, last }: ObjectProgress, group: number): boolean {
    if (this.#order === 'any') return true;
    const bit = 1n << BigInt(group);
    const after = seen | (bit & this.#singles);
    return (
      group >= last &&
      (this.#needed(after) & ~after & (bit - 1n)) === 0n &&
      count + 1 + this.#later[group] + this.#restCount >= this.#min
    );
  }

  /** The same for all groups at once, where no key implies another: those from the last to the first that has to come. */
  #inOrder({ seen, count, last }: ObjectProgress): bigint {
    const missing = this.#required & ~seen;
    // Beyond the first that is missing nothing may come; the fewer are left after a group, the less it may come before too few.
    const end = missing === 0n ? this.groups.length : lowestBit(missing) + 1;
    const fewest = this.#min - count - 1 - this.#restCount;
    const enough = fewest <= 0 ? end : this.#later.findLastIndex((later) => later >= fewest) + 1;
    return ((1n << BigInt(Math.min(end, enough))) - 1n) & ~((1n << BigInt(last)) - 1n);
  }

  /** All keys that must be there when those seen are. */
  #needed(seen: bigint): bigint {
    return this.#form.implied.size === 0 ? this.#required : this.#required | this.#withImplied(seen);
  }

  #withImplied(bits: bigint): bigint {
    return closure(bits, this.#implied);
  }

  #countRest(): number {
    const names = wordsOf(this.groups.flatMap(({ key }) => (key === undefined ? [] : [key])));
    const languages = this.groups.flatMap(({ keys, value }) =>
      keys && this.#inhabited(value) ? [subtract(keys, names)] : [],
    );
    return languages.reduce((sum, keys) => sum + countTexts(keys)[keys.start], 0);
  }
}

/** All choices of some of a few numbers. */
function choicesOf(numbers: readonly number[]): number[][] {
  return numbers.reduce<number[][]>(
    (choices, number) => choices.flatMap((choice) => [choice, [...choice, number]]),
    [[]],
  );
}

/** The bits, and all that they lead to. */
function closure(bits: bigint, implied: readonly bigint[]): bigint {
  for (let before = -1n; before !== bits; ) {
    before = bits;
    for (let rest = bits, i = 0; rest !== 0n; rest >>= 1n, i++) if (rest & 1n) bits |= implied[i];
  }
  return bits;
}

/** Many bits are taken a word at a time: each step on the whole number would look at all of it. */
function countBits(bits: bigint): number {
  let count = 0;
  for (let rest = bits; rest !== 0n; rest >>= 32n)
    for (let word = Number(BigInt.asUintN(32, rest)); word !== 0; word = (word & (word - 1)) >>> 0) count++;
  return count;
}

function lowestBit(bits: bigint): number {
  let word = bits;
  let at = 0;
  for (; BigInt.asUintN(32, word) === 0n; word >>= 32n) at += 32;
  return at + 31 - Math.clz32(Number(BigInt.asUintN(32, word & -word)));
}
