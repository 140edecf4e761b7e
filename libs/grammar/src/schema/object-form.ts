import { ALL_TEXTS, complement, intersect, isEmpty, subtract, wordsOf } from '../automata/algebra.js';
import type { ExpressionTable } from './expression.js';
import type { Expression, KeyRule, ObjectForm } from './model.js';

const anyObjects = new WeakMap<ExpressionTable, ObjectForm>();

/** All objects: one object per table. */
export function ANY_OBJECT(table: ExpressionTable): ObjectForm {
  let form = anyObjects.get(table);
  if (!form) {
    form = {
      named: new Map(),
      rest: [{ keys: ALL_TEXTS, value: table.always }],
      required: new Set(),
      min: 0,
      max: Infinity,
      implied: new Map(),
      some: [],
    };
    anyObjects.set(table, form);
  }
  return form;
}

/** The condition of a key's value. */
export function valueOf(table: ExpressionTable, form: ObjectForm, key: string): Expression {
  return form.named.get(key) ?? form.rest.find(({ keys }) => keys.accepts(key))?.value ?? table.never;
}

/** The objects in both sets; undefined if there are certainly none. */
export function intersectObjects(table: ExpressionTable, a: ObjectForm, b: ObjectForm): ObjectForm | undefined {
  const any = ANY_OBJECT(table);
  if (a === any || a === b) return b;
  if (b === any) return a;
  const required = new Set([...a.required, ...b.required]);
  // Unions of objects are told apart by such keys: they come first, before anything else is put together.
  for (const key of required) if (table.excludes(valueOf(table, a, key), valueOf(table, b, key))) return undefined;
  const named = new Map<string, Expression>();
  for (const key of [...a.named.keys(), ...b.named.keys()])
    if (!named.has(key)) named.set(key, table.both(valueOf(table, a, key), valueOf(table, b, key)));
  const form: ObjectForm = {
    named,
    rest: intersectRules(table, a.rest, b.rest),
    required,
    min: Math.max(a.min, b.min),
    max: Math.min(a.max, b.max),
    implied: mergeImplied(a.implied, b.implied),
    some: [...new Set([...a.some, ...b.some])],
  };
  const impossible =
    Math.max(form.min, form.required.size) > form.max ||
    [...form.required].some((key) => valueOf(table, form, key) === table.never);
  return impossible ? undefined : form;
}

/** Splits all keys by the rules of both lists. */
function intersectRules(table: ExpressionTable, a: readonly KeyRule[], b: readonly KeyRule[]): readonly KeyRule[] {
  const rules: KeyRule[] = [];
  for (const x of a) {
    for (const y of b) {
      const keys = x.keys === ALL_TEXTS ? y.keys : intersect(x.keys, y.keys);
      if (!isEmpty(keys)) rules.push({ keys, value: table.both(x.value, y.value) });
    }
  }
  return rules;
}

function mergeImplied(a: ObjectForm['implied'], b: ObjectForm['implied']): ObjectForm['implied'] {
  const merged = new Map(a);
  for (const [key, others] of b) merged.set(key, new Set([...(merged.get(key) ?? []), ...others]));
  return merged;
}

/** All objects outside of a set: those that fail one of its conditions. */
export function complementObject(table: ExpressionTable, form: ObjectForm): ObjectForm[] {
  const any = ANY_OBJECT(table);
  const others: ObjectForm[] = [];
  const names = wordsOf([...form.named.keys()]);
  for (const { keys, value } of form.rest) {
    const unnamed = subtract(keys, names);
    if (value !== table.always && !isEmpty(unnamed))
      others.push({ ...any, some: [{ keys: unnamed, value: table.not(value) }] });
  }
  for (const { keys, value } of form.some)
    others.push({
      ...any,
      rest: [
        { keys, value: table.not(value) },
        { keys: complement(keys), value: table.always },
      ],
    });
  for (const [key, value] of form.named)
    if (value !== table.always)
      others.push({ ...any, named: new Map([[key, table.not(value)]]), required: new Set([key]) });
  for (const key of form.required) others.push({ ...any, named: new Map([[key, table.never]]) });
  if (form.min > 0) others.push({ ...any, max: form.min - 1 });
  if (form.max < Infinity) others.push({ ...any, min: form.max + 1 });
  for (const [key, implied] of form.implied)
    for (const other of implied)
      others.push({ ...any, named: new Map([[other, table.never]]), required: new Set([key]) });
  return others;
}
