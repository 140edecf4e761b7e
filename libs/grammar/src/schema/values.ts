import { ALL_TEXTS, hasLoneSurrogate, wordsOf } from '../automata/algebra.js';
import { constantNumber } from '../number/number-set.js';
import { ANY_ARRAY } from './array-form.js';
import type { ExpressionTable } from './expression.js';
import type { ArrayForm, Expression, Literal, ObjectForm, Shape } from './model.js';
import { ANY_OBJECT } from './object-form.js';
import { isJsonObject, refuse, type SchemaNode } from './schema-document.js';
import { NO_VALUE } from './shape.js';

/** The shape of exactly the values of a list; equal values may be spelled and ordered differently. */
export function valuesShape(
  table: ExpressionTable,
  values: readonly unknown[],
  node: SchemaNode,
  keyword: string,
): Shape {
  const strings = values.filter((value) => typeof value === 'string');
  if (strings.some(hasLoneSurrogate))
    throw refuse(node, keyword, 'half of a surrogate pair cannot be written in UTF-8');
  const literals = values
    .filter((value) => value === null || typeof value === 'boolean')
    .map((value) => String(value) as Literal);
  const numbers = [...new Set(values.filter((value) => typeof value === 'number'))];
  return {
    literals: new Set(literals),
    strings: strings.length === 0 ? NO_VALUE.strings : wordsOf(strings),
    numbers: numbers.map(constantNumber),
    arrays: values.filter((value) => Array.isArray(value)).map((value) => arrayOf(table, value, node, keyword)),
    objects: values.filter(isJsonObject).map((value) => objectOf(table, value, node, keyword)),
  };
}

/** Lists and objects are known by the conditions of their values: as texts they would grow with each level. */
function valueExpression(table: ExpressionTable, value: unknown, node: SchemaNode, keyword: string): Expression {
  if (Array.isArray(value)) {
    const form = arrayOf(table, value, node, keyword);
    return table.shape(`list ${form.prefix.map(({ id }) => id).join()}`, () => ({ ...NO_VALUE, arrays: [form] }));
  }
  if (isJsonObject(value)) {
    const form = objectOf(table, value, node, keyword);
    const values = Array.from(form.named, ([key, { id }]) => `${JSON.stringify(key)}:${id}`);
    return table.shape(`object ${values.join()}`, () => ({ ...NO_VALUE, objects: [form] }));
  }
  return table.shape(`value ${JSON.stringify(value)}`, () => valuesShape(table, [value], node, keyword));
}

function arrayOf(table: ExpressionTable, value: readonly unknown[], node: SchemaNode, keyword: string): ArrayForm {
  const prefix = value.map((item) => valueExpression(table, item, node, keyword));
  return { ...ANY_ARRAY(table), prefix, rest: table.never, min: value.length, max: value.length };
}

function objectOf(
  table: ExpressionTable,
  value: Readonly<Record<string, unknown>>,
  node: SchemaNode,
  keyword: string,
): ObjectForm {
  const named = new Map(Object.entries(value).map(([key, one]) => [key, valueExpression(table, one, node, keyword)]));
  return {
    ...ANY_OBJECT(table),
    named,
    rest: [{ keys: ALL_TEXTS, value: table.never }],
    required: new Set(named.keys()),
  };
}
