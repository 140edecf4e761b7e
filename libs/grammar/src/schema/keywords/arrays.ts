import { ANY_ARRAY } from '../array-form.js';
import { countOf, listOf, type Keyword } from '../keyword-context.js';
import type { Contains } from '../model.js';
import { refuse } from '../schema-document.js';
import { anyValue } from '../shape.js';

/**
 * `prefixItems`, `items`, `additionalItems` (a list of `items` and `additionalItems` are the older spelling of the two), `contains`,
 * `minContains`, `maxContains`, `minItems`, `maxItems`, `uniqueItems`.
 */
export const arrayKeywords: Keyword = (context) => {
  const { node, schema, table } = context;
  const isList = Array.isArray(schema.items);
  if (isList && schema.prefixItems !== undefined)
    throw refuse(node, 'items', 'a list of items cannot stand beside prefixItems');
  const prefixKeyword = isList ? 'items' : 'prefixItems';
  const prefix =
    isList && (schema.items as unknown[]).length === 0
      ? []
      : (listOf(context, prefixKeyword) ?? []).map((_, i) => context.at(prefixKeyword, i));
  const restKeyword = isList ? 'additionalItems' : 'items';
  const rest = schema[restKeyword] === undefined ? table.always : context.at(restKeyword);
  if (schema.uniqueItems !== undefined && typeof schema.uniqueItems !== 'boolean')
    throw refuse(node, 'uniqueItems', 'expected true or false');
  const contains: Contains[] = [];
  if (schema.contains !== undefined) {
    contains.push({
      of: context.at('contains'),
      from: 0,
      min: countOf(context, 'minContains') ?? 1,
      max: countOf(context, 'maxContains') ?? Infinity,
    });
  }
  const form = {
    ...ANY_ARRAY(table),
    prefix,
    rest,
    contains: contains.filter(({ min, max }) => min > 0 || max < Infinity),
    min: countOf(context, 'minItems') ?? 0,
    max: countOf(context, 'maxItems') ?? Infinity,
    unique: schema.uniqueItems === true ? node : undefined,
  };
  const never = [...prefix, rest].indexOf(table.never);
  const max = never < 0 ? form.max : Math.min(form.max, never);
  return anyValue(table, { arrays: form.min > max ? [] : [{ ...form, max }] });
};
