import { LIMITS, limitError } from '../../limits.js';
import { ANY_ARRAY } from '../array-form.js';
import type { Keyword, KeywordContext } from '../keyword-context.js';
import type { KeyRule, Shape } from '../model.js';
import { ANY_OBJECT } from '../object-form.js';
import { isJsonObject, refuse, type SchemaNode } from '../schema-document.js';
import { anyValue, complementShape, intersectShapes, uniteAll } from '../shape.js';
import { keyRules } from './objects.js';
import { patternDfa } from './strings.js';

/** One way in which the subschemas of a schema may hold, and which properties and items they then have looked at. */
interface Case {
  /** When this is so. */
  readonly shape: Shape;
  readonly names: readonly string[];
  readonly patterns: readonly KeyRule[];
  readonly allProperties: boolean;
  /** Number of first items. */
  readonly items: number;
  readonly allItems: boolean;
}

/** `unevaluatedProperties`: for all properties that no other keyword of the schema, or of the subschemas that hold, looks at. */
export const unevaluatedProperties: Keyword = (context) => {
  const { table } = context;
  const others = context.at('unevaluatedProperties');
  return uniteAll(
    casesOf(context, context.node, 0).map(({ shape, names, patterns, allProperties }) => {
      if (allProperties) return shape;
      const named = new Map(names.map((name) => [name, table.always]));
      return intersectShapes(
        table,
        shape,
        anyValue(table, { objects: [{ ...ANY_OBJECT(table), named, rest: keyRules(context, patterns, others) }] }),
      );
    }),
  );
};

/** `unevaluatedItems`: for all items that no other keyword looks at. Which ones `contains` looks at depends on values: refused. */
export const unevaluatedItems: Keyword = (context) => {
  const { table } = context;
  const rest = context.at('unevaluatedItems');
  return uniteAll(
    casesOf(context, context.node, 0).map(({ shape, items, allItems }) => {
      if (allItems) return shape;
      const prefix = Array.from({ length: items }, () => table.always);
      return intersectShapes(
        table,
        shape,
        anyValue(table, {
          arrays: [{ ...ANY_ARRAY(table), prefix, rest, max: rest === table.never ? items : Infinity }],
        }),
      );
    }),
  );
};

/** @param depth how many references and combinations lead to the node */
function casesOf(context: KeywordContext, node: SchemaNode, depth: number): readonly Case[] {
  if (depth > LIMITS.nesting)
    throw limitError('nesting', 'references and combinations within each other', { path: node.pointer });
  const { document, table } = context;
  const start: Case = {
    shape: anyValue(table),
    names: [],
    patterns: [],
    allProperties: false,
    items: 0,
    allItems: false,
  };
  if (!isJsonObject(node.value)) return [start];
  const schema = node.value;
  const isInner = node !== context.node;
  if (schema.contains !== undefined && 'unevaluatedItems' in context.schema)
    throw refuse(node, 'contains', 'beside unevaluatedItems, contains cannot be enforced');
  const prefix = Array.isArray(schema.items) ? schema.items : schema.prefixItems;
  const restItems = Array.isArray(schema.items) ? schema.additionalItems : schema.items;
  let cases: readonly Case[] = [
    {
      ...start,
      names: isJsonObject(schema.properties) ? Object.keys(schema.properties) : [],
      patterns: isJsonObject(schema.patternProperties)
        ? Object.keys(schema.patternProperties).map((pattern) => ({
            keys: patternDfa(node, 'patternProperties', pattern),
            value: table.always,
          }))
        : [],
      allProperties:
        schema.additionalProperties !== undefined || (isInner && schema.unevaluatedProperties !== undefined),
      items: Array.isArray(prefix) ? prefix.length : 0,
      allItems: restItems !== undefined || (isInner && schema.unevaluatedItems !== undefined),
    },
  ];
  const childCases = (...path: (string | number)[]): readonly Case[] => {
    const child = document.child(node, ...path);
    const inner = casesOf(context, child, depth + 1);
    return inner.map((one) => ({
      ...one,
      shape: intersectShapes(table, one.shape, context.shapeOf(table.schema(child))),
    }));
  };
  const both = (a: readonly Case[], b: readonly Case[]): readonly Case[] =>
    bounded(a.flatMap((x) => b.map((y) => join(context, x, y))));
  const indices = (list: unknown): number[] => (Array.isArray(list) ? list.map((_, i) => i) : []);

  for (const keyword of ['$ref', '$dynamicRef', '$recursiveRef'] as const)
    if (schema[keyword] !== undefined)
      cases = both(cases, casesOf(context, document.resolve(node, keyword), depth + 1));
  for (const i of indices(schema.allOf))
    cases = both(cases, casesOf(context, document.child(node, 'allOf', i), depth + 1));
  if (Array.isArray(schema.oneOf))
    cases = both(
      cases,
      indices(schema.oneOf).flatMap((i) => childCases('oneOf', i)),
    );
  if (Array.isArray(schema.anyOf)) {
    // Options that look at nothing make no difference; of the others, any may hold.
    const options = indices(schema.anyOf).map((i) => childCases('anyOf', i));
    const some = options.reduce<readonly Case[]>((all, option) => bounded([...all, ...both(all, option)]), [start]);
    cases = both(cases, some);
  }
  if (schema.if !== undefined) {
    const condition = document.child(node, 'if');
    const negative: Case = { ...start, shape: complementShape(table, context.shapeOf(table.schema(condition))) };
    const then = schema.then === undefined ? [start] : childCases('then');
    const otherwise = schema.else === undefined ? [start] : childCases('else');
    cases = both(cases, [...both(childCases('if'), then), ...both([negative], otherwise)]);
  }
  for (const key of Object.keys(isJsonObject(schema.dependentSchemas) ? schema.dependentSchemas : {})) {
    const any = ANY_OBJECT(table);
    const without: Case = {
      ...start,
      shape: anyValue(table, { objects: [{ ...any, named: new Map([[key, table.never]]) }] }),
    };
    const present: Case = { ...start, shape: anyValue(table, { objects: [{ ...any, required: new Set([key]) }] }) };
    cases = both(cases, [without, ...both([present], childCases('dependentSchemas', key))]);
  }
  return cases;
}

function join({ table }: KeywordContext, a: Case, b: Case): Case {
  return {
    shape: intersectShapes(table, a.shape, b.shape),
    names: [...new Set([...a.names, ...b.names])],
    patterns: [...a.patterns, ...b.patterns],
    allProperties: a.allProperties || b.allProperties,
    items: Math.max(a.items, b.items),
    allItems: a.allItems || b.allItems,
  };
}

function bounded(cases: readonly Case[]): readonly Case[] {
  if (cases.length > LIMITS.alternatives) throw limitError('alternatives', 'ways in which subschemas may hold');
  return cases;
}
