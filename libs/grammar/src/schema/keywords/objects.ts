import { ALL_TEXTS, complement, intersect, isEmpty, subtract } from '../../automata/algebra.js';
import type { Dfa } from '../../automata/dfa.js';
import { LIMITS, limitError } from '../../limits.js';
import { countOf, mapOf, textsOf, type Keyword, type KeywordContext } from '../keyword-context.js';
import type { Expression, KeyRule, ObjectForm, Shape } from '../model.js';
import { ANY_OBJECT, intersectObjects } from '../object-form.js';
import { placed, refuse } from '../schema-document.js';
import { anyValue, intersectShapes } from '../shape.js';
import { patternDfa } from './strings.js';

/** `properties`, `patternProperties`, `additionalProperties`, `required`, `minProperties`, `maxProperties`. */
export const objectKeywords: Keyword = (context) => {
  const { schema, table } = context;
  const form = {
    ...propertiesForm(context),
    required: new Set(schema.required === undefined ? [] : textsOf(context, 'required', schema.required)),
    min: countOf(context, 'minProperties') ?? 0,
    max: countOf(context, 'maxProperties') ?? Infinity,
  };
  const possible = intersectObjects(table, form, { ...ANY_OBJECT(table) });
  return anyValue(table, { objects: possible ? [possible] : [] });
};

function propertiesForm(context: KeywordContext): ObjectForm {
  const { node, schema, table } = context;
  const properties = Object.keys(mapOf(context, 'properties') ?? {});
  if (properties.length > LIMITS.properties)
    throw limitError('properties', 'properties of one object', { path: `${node.pointer}/properties` });
  const patterns = Object.keys(mapOf(context, 'patternProperties') ?? {}).map((pattern) => ({
    keys: patternDfa(node, 'patternProperties', pattern),
    value: context.at('patternProperties', pattern),
  }));
  const additional = schema.additionalProperties === undefined ? table.always : context.at('additionalProperties');
  const named = new Map<string, Expression>();
  for (const key of properties) {
    const matching = patterns.filter(({ keys }) => keys.accepts(key));
    named.set(key, table.all(context.at('properties', key), ...matching.map(({ value }) => value)));
  }
  const rest = placed(node, 'patternProperties', () => keyRules(context, patterns, additional));
  return { ...ANY_OBJECT(table), named, rest };
}

/** Splits all keys by the patterns that they match: a key has to satisfy all of them, or `otherwise` if there is none. */
export function keyRules(
  { table }: KeywordContext,
  patterns: readonly KeyRule[],
  otherwise: Expression,
): readonly KeyRule[] {
  let parts: { keys: Dfa; values: Expression[] }[] = [{ keys: ALL_TEXTS, values: [] }];
  for (const { keys, value } of patterns) {
    const split: typeof parts = [];
    for (const part of parts) {
      const [inside, outside] = [
        part.keys === ALL_TEXTS ? keys : intersect(part.keys, keys),
        subtract(part.keys, keys),
      ];
      if (!isEmpty(inside)) split.push({ keys: inside, values: [...part.values, value] });
      if (!isEmpty(outside)) split.push({ keys: outside, values: part.values });
    }
    if (split.length > LIMITS.alternatives) throw limitError('alternatives', 'combinations of patterns');
    parts = split;
  }
  return parts.map(({ keys, values }) => ({ keys, value: values.length === 0 ? otherwise : table.all(...values) }));
}

export const propertyNames: Keyword = (context) => {
  const { table } = context;
  const names = context.shapeOf(context.at('propertyNames')).strings;
  const rules: KeyRule[] = [
    { keys: names, value: table.always },
    { keys: complement(names), value: table.never },
  ];
  return anyValue(table, { objects: [{ ...ANY_OBJECT(table), rest: rules.filter(({ keys }) => !isEmpty(keys)) }] });
};

export const dependentRequired: Keyword = (context) => dependencies(context, 'dependentRequired', 'lists');
export const dependentSchemas: Keyword = (context) => dependencies(context, 'dependentSchemas', 'schemas');
/** The older keyword that is both. */
export const dependenciesKeyword: Keyword = (context) => dependencies(context, 'dependencies', 'both');

function dependencies(context: KeywordContext, keyword: string, allowed: 'lists' | 'schemas' | 'both'): Shape {
  const { node, table } = context;
  const any = ANY_OBJECT(table);
  const implied = new Map<string, ReadonlySet<string>>();
  let shape = anyValue(table);
  for (const [key, value] of Object.entries(mapOf(context, keyword)!)) {
    if (Array.isArray(value)) {
      if (allowed === 'schemas') throw refuse(node, keyword, 'expected schemas, not lists of keys');
      implied.set(key, new Set(textsOf(context, keyword, value)));
      continue;
    }
    if (allowed === 'lists') throw refuse(node, keyword, 'expected lists of keys');
    const without: ObjectForm = { ...any, named: new Map([[key, table.never]]) };
    const within = context
      .shapeOf(context.at(keyword, key))
      .objects.map((form) => intersectObjects(table, form, { ...any, required: new Set([key]) }));
    shape = intersectShapes(
      table,
      shape,
      anyValue(table, { objects: [without, ...within.filter((form) => form !== undefined)] }),
    );
  }
  return intersectShapes(table, shape, anyValue(table, { objects: [{ ...any, implied }] }));
}
