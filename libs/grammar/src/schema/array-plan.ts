import { LIMITS, limitError } from '../limits.js';
import { itemAt } from './array-form.js';
import type { ExpressionTable } from './expression.js';
import type { ArrayForm, Contains, Expression } from './model.js';

/** Contains conditions on one array: every item may count for any of them, so their combinations are tried. */
const MAX_CONTAINS = 4;

/** How far an array has come: its items so far, and how many of them counted for each `contains`. Clamped where more makes no difference. */
export interface ArrayProgress {
  readonly index: number;
  readonly counts: readonly number[];
}

/** One way the next item may be. */
export interface ItemOption {
  readonly value: Expression;
  readonly next: ArrayProgress;
}

/** Which items an array may have one after the other, so that it can always be finished. */
export class ArrayPlan {
  readonly form: ArrayForm;
  readonly start: ArrayProgress;
  readonly #table: ExpressionTable;
  readonly #inhabited: (expression: Expression) => boolean;
  readonly #max: number;
  /** From this position on, all items and counts are alike. */
  readonly #period: number;
  readonly #live: Set<string> | undefined;

  /** @param inhabited whether some value satisfies a condition */
  constructor(table: ExpressionTable, form: ArrayForm, inhabited: (expression: Expression) => boolean) {
    this.#table = table;
    this.form = form;
    this.#inhabited = inhabited;
    this.start = { index: 0, counts: form.contains.map(() => 0) };
    if (form.contains.length > MAX_CONTAINS)
      throw limitError('alternatives', 'ways in which an item may count for contains');
    const distinct = Math.max(form.prefix.length, ...form.contains.map(({ from }) => from));
    const missing = Array.from({ length: form.prefix.length + 1 }, (_, i) => itemAt(form, i)).findIndex(
      (item) => !inhabited(item),
    );
    this.#max = missing < 0 ? form.max : Math.min(form.max, missing);
    this.#period = this.#max === Infinity ? Math.max(distinct, form.min) : this.#max + 1;
    if (form.contains.length > 0 && form.min <= this.#max) this.#live = this.#findLive();
  }

  /** Whether there is such an array at all. */
  get isPossible(): boolean {
    return this.form.min <= this.#max && this.#isLive(this.start);
  }

  canEnd({ index, counts }: ArrayProgress): boolean {
    return (
      index >= this.form.min && this.form.contains.every(({ min, max }, i) => counts[i] >= min && counts[i] <= max)
    );
  }

  /** The ways to go on with one more item. */
  options(progress: ArrayProgress): ItemOption[] {
    return this.#allOptions(progress).filter(({ value, next }) => this.#isLive(next) && this.#inhabited(value));
  }

  /** Conditions that items may have to satisfy, whether or not values do. */
  conditions(): Expression[] {
    const { prefix, rest, contains } = this.form;
    const all = [...prefix, rest];
    for (const item of [...prefix, rest]) {
      for (const combination of combinations(contains)) {
        all.push(
          this.#table.all(
            item,
            ...combination.map(({ of, max, counts }) =>
              counts ? of : max < Infinity ? this.#table.not(of) : this.#table.always,
            ),
          ),
        );
      }
    }
    return [...new Set(all)];
  }

  #allOptions({ index, counts }: ArrayProgress): ItemOption[] {
    if (index >= this.#max) return [];
    const { contains } = this.form;
    const options: ItemOption[] = [];
    for (const combination of combinations(contains)) {
      let value = itemAt(this.form, index);
      const sums = counts.slice();
      const fits = combination.every(({ of, from, min, max, counts: counted }, i) => {
        const isOpen = max < Infinity;
        if (counted && (index < from || (!isOpen && counts[i] >= min))) return false;
        if (counted) {
          value = this.#table.all(value, of);
          sums[i] = Math.min(sums[i] + 1, isOpen ? max + 1 : min);
          return sums[i] <= max;
        }
        if (isOpen && index >= from) value = this.#table.all(value, this.#table.not(of));
        return true;
      });
      if (fits && value !== this.#table.never)
        options.push({ value, next: { index: Math.min(index + 1, this.#period), counts: sums } });
    }
    return options;
  }

  #isLive(progress: ArrayProgress): boolean {
    return this.#live === undefined || this.#live.has(keyOf(progress));
  }

  /** The places from which the array can still be finished. */
  #findLive(): Set<string> {
    const places = [this.start];
    const met = new Set([keyOf(this.start)]);
    const before = new Map<string, string[]>();
    for (const place of places) {
      for (const { value, next } of this.#allOptions(place)) {
        if (!this.#inhabited(value)) continue;
        const key = keyOf(next);
        const sources = before.get(key);
        if (sources) sources.push(keyOf(place));
        else before.set(key, [keyOf(place)]);
        if (met.has(key)) continue;
        if (places.length >= LIMITS.arrayStates)
          throw limitError('arrayStates', 'counts of items that contains and the bounds of an array lead to');
        met.add(key);
        places.push(next);
      }
    }
    const live = new Set(places.filter((place) => this.canEnd(place)).map(keyOf));
    for (const key of live) for (const source of before.get(key) ?? []) live.add(source);
    return live;
  }
}

function keyOf({ index, counts }: ArrayProgress): string {
  return `${index};${counts.join()}`;
}

/** All choices of which conditions an item counts for. */
function combinations(contains: readonly Contains[]): (Contains & { readonly counts: boolean })[][] {
  return contains.reduce<(Contains & { counts: boolean })[][]>(
    (lists, one) => lists.flatMap((list) => [true, false].map((counts) => [...list, { ...one, counts }])),
    [[]],
  );
}
