import { grammarError } from '../limits.js';
import type { ExpressionTable } from './expression.js';
import type { ArrayForm, Contains, Expression } from './model.js';

const anyArrays = new WeakMap<ExpressionTable, ArrayForm>();

/** All arrays: one object per table. */
export function ANY_ARRAY(table: ExpressionTable): ArrayForm {
  let form = anyArrays.get(table);
  if (!form)
    anyArrays.set(
      table,
      (form = { prefix: [], rest: table.always, min: 0, max: Infinity, contains: [], unique: undefined }),
    );
  return form;
}

/** The condition of an item. */
export function itemAt(form: ArrayForm, index: number): Expression {
  return form.prefix[index] ?? form.rest;
}

/** The arrays in both sets; undefined if there are certainly none. */
export function intersectArrays(table: ExpressionTable, a: ArrayForm, b: ArrayForm): ArrayForm | undefined {
  const any = ANY_ARRAY(table);
  if (a === any || a === b) return b;
  if (b === any) return a;
  const prefix = Array.from({ length: Math.max(a.prefix.length, b.prefix.length) }, (_, i) =>
    table.both(itemAt(a, i), itemAt(b, i)),
  );
  const rest = table.both(a.rest, b.rest);
  const never = [...prefix, rest].indexOf(table.never);
  const form: ArrayForm = {
    prefix,
    rest,
    min: Math.max(a.min, b.min),
    max: Math.min(a.max, b.max, never < 0 ? Infinity : never),
    contains: mergeContains([...a.contains, ...b.contains]),
    unique: a.unique ?? b.unique,
  };
  const impossible =
    form.min > form.max || form.contains.some(({ min, max, from }) => min > max || from + min > form.max);
  return impossible ? undefined : form;
}

function mergeContains(all: readonly Contains[]): readonly Contains[] {
  const merged: Contains[] = [];
  for (const one of all) {
    const index = merged.findIndex(({ of, from }) => of === one.of && from === one.from);
    if (index < 0) merged.push(one);
    else
      merged[index] = { ...one, min: Math.max(one.min, merged[index].min), max: Math.min(one.max, merged[index].max) };
  }
  return merged;
}

/** All arrays outside of a set: those that fail one of its conditions. */
export function complementArray(table: ExpressionTable, form: ArrayForm): ArrayForm[] {
  if (form.unique) throw grammarError('the opposite of uniqueItems cannot be enforced', { keyword: 'uniqueItems' });
  const any = ANY_ARRAY(table);
  const others: ArrayForm[] = [];
  form.prefix.forEach((item, i) => {
    if (item !== table.always)
      others.push({ ...any, prefix: [...Array.from({ length: i }, () => table.always), table.not(item)], min: i + 1 });
  });
  const from = form.prefix.length;
  if (form.rest === table.never) others.push({ ...any, min: from + 1 });
  else if (form.rest !== table.always)
    others.push({ ...any, contains: [{ of: table.not(form.rest), from, min: 1, max: Infinity }] });
  if (form.min > 0) others.push({ ...any, max: form.min - 1 });
  if (form.max < Infinity) others.push({ ...any, min: form.max + 1 });
  for (const one of form.contains) {
    if (one.min > 0) others.push({ ...any, contains: [{ ...one, min: 0, max: one.min - 1 }] });
    if (one.max < Infinity) others.push({ ...any, contains: [{ ...one, min: one.max + 1, max: Infinity }] });
  }
  return others;
}
