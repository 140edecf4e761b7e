import { ALL_TEXTS, intersect, isEmpty } from '../automata/algebra.js';
import { grammarError } from '../limits.js';
import type { ExpressionTable } from './expression.js';
import type { Expression, KeyRule, ObjectForm } from './model.js';

const anyObjects = new WeakMap<ExpressionTable, ObjectForm>();

/** All objects: one object per table. */
export function ANY_OBJECT(table: ExpressionTable): ObjectForm {
  let form = anyObjects.get(table);
  if (!form) {
    form = { named: new Map(), rest: [{ keys: ALL_TEXTS, value: table.always }], required: new Set(), min: 0, max: Infinity, implied: new Map() };
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
  const named = new Map<string, Expression>();
  for (const key of [...a.named.keys(), ...b.named.keys()]) if (!named.has(key)) named.set(key, table.all(valueOf(table, a, key), valueOf(table, b, key)));
  const form: ObjectForm = {
    named,
    rest: intersectRules(table, a.rest, b.rest),
    required: new Set([...a.required, ...b.required]),
    min: Math.max(a.min, b.min),
    max: Math.min(a.max, b.max),
    implied: mergeImplied(a.implied, b.implied),
  };
  const impossible = Math.max(form.min, form.required.size) > form.max || [...form.required].some((key) => valueOf(table, form, key) === table.never);
  return impossible ? undefined : form;
}

/** Splits all keys by the rules of both lists. */
export function intersectRules(table: ExpressionTable, a: readonly KeyRule[], b: readonly KeyRule[]): readonly KeyRule[] {
  const rules: KeyRule[] = [];
  for (const x of a) {
    for (const y of b) {
      const keys = x.keys === ALL_TEXTS ? y.keys : intersect(x.keys, y.keys);
      if (!isEmpty(keys)) rules.push({ keys, value: table.all(x.value, y.value) });
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
  const isClosed = form.rest.every(({ value }) => value === table.never);
  if (!isClosed && form.rest.some(({ value }) => value !== table.always)) {
    throw grammarError('the opposite of additionalProperties, patternProperties, propertyNames or unevaluatedProperties cannot be enforced (in not, oneOf or if)', { keyword: 'additionalProperties' });
  }
  const any = ANY_OBJECT(table);
  const others: ObjectForm[] = [];
  if (isClosed) others.push(...withOtherKeys(table, form));
  for (const [key, value] of form.named) if (value !== table.always) others.push({ ...any, named: new Map([[key, table.not(value)]]), required: new Set([key]) });
  for (const key of form.required) others.push({ ...any, named: new Map([[key, table.never]]) });
  if (form.min > 0) others.push({ ...any, max: form.min - 1 });
  if (form.max < Infinity) others.push({ ...any, min: form.max + 1 });
  for (const [key, implied] of form.implied) for (const other of implied) others.push({ ...any, named: new Map([[other, table.never]]), required: new Set([key]) });
  return others;
}

/** Up to so many keys that may be absent, all choices of them are gone through. */
const MAX_OPTIONAL = 6;

/** All objects with a key that is not named, told by their number of keys: for each choice of named keys that are there, one more. */
function withOtherKeys(table: ExpressionTable, form: ObjectForm): ObjectForm[] {
  const optional = [...form.named.keys()].filter((key) => !form.required.has(key));
  if (optional.length > MAX_OPTIONAL) throw grammarError(`the opposite of additionalProperties: false cannot be enforced beside more than ${MAX_OPTIONAL} optional properties (in not, oneOf or if)`, { keyword: 'additionalProperties' });
  return Array.from({ length: 2 ** optional.length }, (_, choice) => {
    const present = optional.filter((_key, i) => (choice >> i) & 1);
    const absent = optional.filter((_key, i) => !((choice >> i) & 1));
    const required = new Set([...form.required, ...present]);
    return { ...ANY_OBJECT(table), named: new Map(absent.map((key) => [key, table.never])), required, min: required.size + 1 };
  });
}
