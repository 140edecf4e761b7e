import { listOf, type Keyword, type KeywordContext } from '../keyword-context.js';
import type { Shape } from '../model.js';
import { placed } from '../schema-document.js';
import { anyValue, complementShape, intersectShapes, uniteAll } from '../shape.js';

export const allOf: Keyword = (context) =>
  listOf(context, 'allOf')!.map((_, i) => context.shapeOf(context.at('allOf', i)));

export const anyOf: Keyword = (context) => {
  const options = optionsOf(context, 'anyOf');
  return placed(context.node, 'anyOf', () => uniteAll(options));
};

/** Exactly one: each option without what the others have in common with it. */
export const oneOf: Keyword = (context) => {
  const { table, node } = context;
  const options = optionsOf(context, 'oneOf');
  return placed(node, 'oneOf', () => {
    const apart = options.map((option, i) =>
      options.reduce<Shape>((rest, other, j) => {
        if (i === j || context.isCertainlyEmpty(intersectShapes(table, rest, other))) return rest;
        return intersectShapes(table, rest, complementShape(table, other));
      }, option),
    );
    return uniteAll(apart);
  });
};

export const not: Keyword = (context) => {
  const shape = context.shapeOf(context.at('not'));
  return placed(context.node, 'not', () => complementShape(context.table, shape));
};

/** `if`, `then`, `else`; the latter two mean nothing alone. */
export const conditional: Keyword = (context) => {
  const { table, schema, node } = context;
  const any = anyValue(table);
  if (schema.if === undefined || (schema.then === undefined && schema.else === undefined)) return any;
  const condition = context.shapeOf(context.at('if'));
  const [then, otherwise] = ['then', 'else'].map((keyword) =>
    schema[keyword] === undefined ? any : context.shapeOf(context.at(keyword)),
  );
  return placed(node, 'if', () =>
    uniteAll([
      intersectShapes(table, condition, then),
      intersectShapes(table, complementShape(table, condition), otherwise),
    ]),
  );
};

/** `$ref` and, where they mean the same, `$dynamicRef` and `$recursiveRef`. */
export function reference(keyword: '$ref' | '$dynamicRef' | '$recursiveRef'): Keyword {
  return (context) => context.shapeOf(context.table.schema(context.document.resolve(context.node, keyword)));
}

function optionsOf(context: KeywordContext, keyword: string): Shape[] {
  return listOf(context, keyword)!.map((_, i) => context.shapeOf(context.at(keyword, i)));
}
