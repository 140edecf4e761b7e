import { isMultiple, nextDown, nextUp } from './decimal.js';

/** Which numbers have digits after the point. */
export type Wholeness = 'any' | 'whole' | 'fractional';

/** A set of JSON numbers: those that satisfy all of the conditions. */
export interface NumberSet {
  /** Inclusive bounds; infinite where there is none. */
  readonly min: number;
  readonly max: number;
  readonly wholeness: Wholeness;
  readonly multiplesOf: readonly number[];
  readonly notMultiplesOf: readonly number[];
  /** Whether the set is one value of an enum or const (then min equals max), written in one way only. */
  readonly constant: boolean;
}

export const ALL_NUMBERS: NumberSet = {
  min: -Infinity,
  max: Infinity,
  wholeness: 'any',
  multiplesOf: [],
  notMultiplesOf: [],
  constant: false,
};

export function constantNumber(value: number): NumberSet {
  const plain = value === 0 ? 0 : value;
  return { ...ALL_NUMBERS, min: plain, max: plain, constant: true };
}

export function holdsNumber(set: NumberSet, value: number): boolean {
  return (
    value >= set.min &&
    value <= set.max &&
    (set.wholeness === 'any' || Number.isInteger(value) === (set.wholeness === 'whole')) &&
    set.multiplesOf.every((step) => isMultiple(value, step)) &&
    !set.notMultiplesOf.some((step) => isMultiple(value, step))
  );
}

/** The numbers in both sets; undefined if there are certainly none. */
export function intersectNumbers(a: NumberSet, b: NumberSet): NumberSet | undefined {
  if (a.constant) return holdsNumber(b, a.min) ? a : undefined;
  if (b.constant) return holdsNumber(a, b.min) ? b : undefined;
  if (a.wholeness !== 'any' && b.wholeness !== 'any' && a.wholeness !== b.wholeness) return undefined;
  const set: NumberSet = {
    min: Math.max(a.min, b.min),
    max: Math.min(a.max, b.max),
    wholeness: a.wholeness === 'any' ? b.wholeness : a.wholeness,
    multiplesOf: [...new Set([...a.multiplesOf, ...b.multiplesOf])],
    notMultiplesOf: [...new Set([...a.notMultiplesOf, ...b.notMultiplesOf])],
    constant: false,
  };
  const whole = set.wholeness === 'whole';
  const certainlyEmpty =
    set.min > set.max ||
    (whole && Math.ceil(set.min) > Math.floor(set.max)) ||
    set.multiplesOf.some((step) => set.notMultiplesOf.includes(step));
  return certainlyEmpty ? undefined : set;
}

/** All numbers outside of a set: those that fail one of its conditions. */
export function complementNumbers(set: NumberSet): NumberSet[] {
  const others: NumberSet[] = [];
  if (set.min > -Infinity) others.push({ ...ALL_NUMBERS, max: nextDown(set.min) });
  if (set.max < Infinity) others.push({ ...ALL_NUMBERS, min: nextUp(set.max) });
  if (set.wholeness === 'whole') others.push({ ...ALL_NUMBERS, wholeness: 'fractional' });
  if (set.wholeness === 'fractional') others.push({ ...ALL_NUMBERS, wholeness: 'whole' });
  for (const step of set.multiplesOf) others.push({ ...ALL_NUMBERS, notMultiplesOf: [step] });
  for (const step of set.notMultiplesOf) others.push({ ...ALL_NUMBERS, multiplesOf: [step] });
  return others;
}
