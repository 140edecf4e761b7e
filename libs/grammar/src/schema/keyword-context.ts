import { isJsonObject, refuse, type JsonObject, type SchemaDocument, type SchemaNode } from './schema-document.js';
import type { ExpressionTable } from './expression.js';
import type { Expression, Shape } from './model.js';

/** What the keywords of one subschema are worked out with. */
export interface KeywordContext {
  readonly node: SchemaNode;
  /** The keywords. */
  readonly schema: JsonObject;
  readonly table: ExpressionTable;
  readonly document: SchemaDocument;
  /** The condition of the subschema at a place below this one. */
  at(...path: readonly (string | number)[]): Expression;
  shapeOf(expression: Expression): Shape;
  /** Whether certainly no value satisfies a shape; false where that takes too long to find out. */
  isCertainlyEmpty(shape: Shape): boolean;
}

/** Works out what some keywords of a subschema demand, as one shape or several that must all hold; called when one of them is there. */
export type Keyword = (context: KeywordContext) => Shape | readonly Shape[];

/** A keyword's value as a whole number that is not negative. */
export function countOf({ node, schema }: KeywordContext, keyword: string): number | undefined {
  const value = schema[keyword];
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0)
    throw refuse(node, keyword, 'expected a whole number, 0 or more');
  return value;
}

/** A keyword's value as a number. */
export function numberOf({ node, schema }: KeywordContext, keyword: string): number | undefined {
  const value = schema[keyword];
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isFinite(value)) throw refuse(node, keyword, 'expected a number');
  return value;
}

/** A keyword's value as a text. */
export function textOf({ node, schema }: KeywordContext, keyword: string): string | undefined {
  const value = schema[keyword];
  if (value === undefined) return undefined;
  if (typeof value !== 'string') throw refuse(node, keyword, 'expected a string');
  return value;
}

/** A keyword's value as a list of texts. */
export function textsOf({ node }: KeywordContext, keyword: string, value: unknown): readonly string[] {
  if (!Array.isArray(value) || !value.every((one) => typeof one === 'string'))
    throw refuse(node, keyword, 'expected a list of strings');
  return value;
}

/** A keyword's value as a list that is not empty. */
export function listOf({ node, schema }: KeywordContext, keyword: string): readonly unknown[] | undefined {
  const value = schema[keyword];
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || value.length === 0) throw refuse(node, keyword, 'expected a list that is not empty');
  return value;
}

/** A keyword's value as an object. */
export function mapOf({ node, schema }: KeywordContext, keyword: string): JsonObject | undefined {
  const value = schema[keyword];
  if (value === undefined) return undefined;
  if (!isJsonObject(value)) throw refuse(node, keyword, 'expected an object');
  return value;
}
