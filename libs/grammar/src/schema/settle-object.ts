import { countTexts, enumerateTexts, intersect, isEmpty, subtract, wordsOf } from '../automata/algebra.js';
import { grammarError, LIMITS, limitError } from '../limits.js';
import type { ExpressionTable } from './expression.js';
import type { Expression, KeyRule, ObjectForm } from './model.js';
import { valueOf } from './object-form.js';

/** Languages of up to so many keys are gone through key by key. */
const FEW_KEYS = 16;
/** So many keys that imply others make up to 2^n forms. */
const MAX_IMPLIED = 6;
/** Languages of so many keys never run out in one object. */
const ENDLESS_KEYS = 1e6;

/**
 * Settles what a plan cannot hold to key by key: splits a form that demands some key of a language with some value, by the named
 * key that is it, or into forms that leave it to the keys without a name, of which there is no end. What remains in `some` then
 * belongs to one rule of `rest` each.
 */
export function settleObject(table: ExpressionTable, form: ObjectForm): readonly ObjectForm[] {
  let forms: readonly ObjectForm[] = withoutImplied(table, { ...form, some: [] });
  for (const demand of form.some) {
    forms = forms.flatMap((one) => waysToMeet(table, one, demand));
    if (forms.length > LIMITS.alternatives) throw limitError('alternatives', 'ways in which some property may hold');
  }
  return forms;
}

/** Beside a least number of keys, which keys imply others is settled, too: each of them is absent, or there with all that it implies. */
function withoutImplied(table: ExpressionTable, form: ObjectForm): readonly ObjectForm[] {
  if (form.min === 0 || form.implied.size === 0 || form.implied.size > MAX_IMPLIED) return [form];
  return [...form.implied].reduce<readonly ObjectForm[]>(
    (forms, [key, others]) =>
      forms.flatMap((one) => [
        ...(one.required.has(key) ? [] : [{ ...one, named: new Map([...one.named, [key, table.never]]) }]),
        {
          ...one,
          named: withValues(table, one, [key, ...others]),
          required: new Set([...one.required, key, ...others]),
        },
      ]),
    [{ ...form, implied: new Map() }],
  );
}

function withValues(
  table: ExpressionTable,
  form: ObjectForm,
  keys: readonly string[],
): ReadonlyMap<string, Expression> {
  return new Map([...form.named, ...keys.map((key): [string, Expression] => [key, valueOf(table, form, key)])]);
}

function waysToMeet(table: ExpressionTable, form: ObjectForm, demand: KeyRule): ObjectForm[] {
  const names = [...new Set([...form.named.keys(), ...form.required])];
  const ways: ObjectForm[] = [];
  for (const key of names) {
    const value = table.all(valueOf(table, form, key), demand.value);
    if (demand.keys.accepts(key) && value !== table.never) ways.push(withKey(form, key, value));
  }
  for (const rule of form.rest) {
    const value = table.all(rule.value, demand.value);
    const keys = subtract(intersect(demand.keys, rule.keys), wordsOf(names));
    if (value === table.never || isEmpty(keys)) continue;
    const few = enumerateTexts(keys, FEW_KEYS);
    if (few) ways.push(...few.map((key) => withKey(form, key, value)));
    else if (!isEndless(keys))
      throw grammarError('a demand for some property among a few keys cannot be enforced', { keyword: 'not' });
    else ways.push({ ...form, some: [...form.some, { keys, value }] }, ...sharedWays(table, form, { keys, value }));
  }
  return ways;
}

/** The ways in which one key meets this demand and another one. */
function sharedWays(table: ExpressionTable, form: ObjectForm, demand: KeyRule): ObjectForm[] {
  if (form.max === Infinity) return [];
  return form.some.flatMap((other) => {
    const keys = intersect(demand.keys, other.keys);
    const value = table.all(demand.value, other.value);
    if (value === table.never || isEmpty(keys) || !isEndless(keys)) return [];
    return [{ ...form, some: form.some.map((one) => (one === other ? { keys, value } : one)) }];
  });
}

function withKey(form: ObjectForm, key: string, value: Expression): ObjectForm {
  return { ...form, named: new Map([...form.named, [key, value]]), required: new Set([...form.required, key]) };
}

function isEndless(keys: KeyRule['keys']): boolean {
  return countTexts(keys)[keys.start] >= ENDLESS_KEYS;
}
