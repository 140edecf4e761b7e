import { NO_TEXT } from '../../automata/algebra.js';
import { nextDown, nextUp } from '../../number/decimal.js';
import { ALL_NUMBERS, type NumberSet } from '../../number/number-set.js';
import { numberOf, type Keyword } from '../keyword-context.js';
import { refuse } from '../schema-document.js';
import type { Literal, Shape } from '../model.js';
import { anyValue, NO_VALUE } from '../shape.js';
import { valuesShape } from '../values.js';

/** `type`, in small letters or, as some clients write it, in capitals; and OpenAPI's `nullable` beside it. */
export const typeKeyword: Keyword = ({ node, schema, table }) => {
  const { type, nullable } = schema;
  const types = (Array.isArray(type) ? (type as unknown[]) : [type]).map((name) =>
    typeof name === 'string' && /^[A-Z]+$/.test(name) ? name.toLowerCase() : name,
  );
  if (nullable !== undefined && (typeof nullable !== 'boolean' || type === undefined))
    throw refuse(node, 'nullable', 'expected true or false, beside type');
  const any = anyValue(table);
  const literals = new Set<Literal>(nullable === true ? ['null'] : []);
  let shape: Shape = { ...NO_VALUE, strings: NO_TEXT };
  for (const name of types) {
    if (name === 'null') literals.add('null');
    else if (name === 'boolean') literals.add('true').add('false');
    else if (name === 'string') shape = { ...shape, strings: any.strings };
    else if (name === 'number') shape = { ...shape, numbers: any.numbers };
    else if (name === 'integer')
      shape = { ...shape, numbers: types.includes('number') ? any.numbers : [{ ...ALL_NUMBERS, wholeness: 'whole' }] };
    else if (name === 'array') shape = { ...shape, arrays: any.arrays };
    else if (name === 'object') shape = { ...shape, objects: any.objects };
    else throw refuse(node, 'type', `${String(JSON.stringify(name)).slice(0, 80)} is not a type of JSON Schema`);
  }
  return { ...shape, literals };
};

export const enumKeyword: Keyword = ({ node, schema, table }) => {
  if (!Array.isArray(schema.enum)) throw refuse(node, 'enum', 'expected a list of values');
  return valuesShape(table, schema.enum, node, 'enum');
};

export const constKeyword: Keyword = ({ node, schema, table }) => valuesShape(table, [schema.const], node, 'const');

/** `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum`, `multipleOf`. */
export const numberKeywords: Keyword = (context) => {
  const minimum = numberOf(context, 'minimum') ?? -Infinity;
  const maximum = numberOf(context, 'maximum') ?? Infinity;
  const above = numberOf(context, 'exclusiveMinimum');
  const below = numberOf(context, 'exclusiveMaximum');
  const step = numberOf(context, 'multipleOf');
  if (step !== undefined && step <= 0) throw refuse(context.node, 'multipleOf', 'expected a number above 0');
  const set: NumberSet = {
    ...ALL_NUMBERS,
    min: Math.max(minimum, above === undefined ? -Infinity : nextUp(above)),
    max: Math.min(maximum, below === undefined ? Infinity : nextDown(below)),
    multiplesOf: step === undefined ? [] : [step],
  };
  return anyValue(context.table, { numbers: [set] });
};
