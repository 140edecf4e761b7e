import { isStarlingError } from '@starling/core';
import { intersect, isEmpty } from '../automata/algebra.js';
import { grammarError, LIMITS, limitError } from '../limits.js';
import { numberDfa } from '../number/number-dfa.js';
import { intersectNumbers } from '../number/number-set.js';
import { ANNOTATIONS } from './annotations.table.js';
import { itemAt } from './array-form.js';
import { ExpressionTable } from './expression.js';
import type { KeywordContext } from './keyword-context.js';
import { KEYWORDS } from './keywords/index-of-keywords.js';
import type { ArrayForm, Expression, ObjectForm, Shape } from './model.js';
import { valueOf } from './object-form.js';
import { isJsonObject, placed, refuse, type SchemaDocument, type SchemaNode } from './schema-document.js';
import { anyValue, complementShape, intersectShapes, NO_VALUE } from './shape.js';

/** Keywords that make alternatives of other subschemas. */
const MULTIPLYING: ReadonlySet<string> = new Set([
  '$ref',
  '$dynamicRef',
  '$recursiveRef',
  'allOf',
  'anyOf',
  'oneOf',
  'not',
  'if',
  'then',
  'else',
  'dependentSchemas',
  'dependencies',
  'unevaluatedProperties',
  'unevaluatedItems',
]);

/** How deep values are looked into to see that no value satisfies a condition. */
const EMPTY_DEPTH = 4;

/** Works out the shapes of the conditions of one schema document, each once. */
export class ShapeBuilder {
  readonly table = new ExpressionTable();
  readonly #document: SchemaDocument;
  readonly #shapes = new Map<Expression, Shape>();
  readonly #open = new Set<Expression>();

  constructor(document: SchemaDocument) {
    this.#document = document;
    this.table.excludes = (a, b) => this.#excludeScalars(a, b);
  }

  /** @throws StarlingError invalid_grammar, with the JSON pointer of the keyword in `details.path` */
  shapeOf(expression: Expression): Shape {
    const known = this.#shapes.get(expression);
    if (known) return known;
    if (this.#open.has(expression))
      throw grammarError('the schema refers to itself without anything in between', {
        loop: true,
        path: placeOf(expression),
      });
    if (this.#open.size > LIMITS.nesting) throw limitError('nesting', 'references and combinations within each other');
    this.#open.add(expression);
    try {
      const shape = this.#make(expression);
      this.#shapes.set(expression, shape);
      return shape;
    } finally {
      this.#open.delete(expression);
    }
  }

  /** The same with a stop after each of the alternatives that a schema names. */
  *shapeSteps(expression: Expression): Generator<undefined, Shape> {
    const { content } = expression;
    if (content.kind === 'schema' && isJsonObject(content.node.value)) {
      for (const name of ['anyOf', 'oneOf', 'allOf']) {
        const options = content.node.value[name];
        const count = Array.isArray(options) ? options.length : 0;
        for (let i = 0; i < count; i++) {
          try {
            this.shapeOf(this.table.schema(this.#document.child(content.node, name, i)));
          } catch (error) {
            // It is found again below, and told with its place.
            if (isStarlingError(error, 'invalid_grammar')) return this.shapeOf(expression);
            throw error;
          }
          yield;
        }
      }
    }
    return this.shapeOf(expression);
  }

  #make({ content }: Expression): Shape {
    switch (content.kind) {
      case 'always':
        return anyValue(this.table);
      case 'never':
        return NO_VALUE;
      case 'shape':
        return content.shape;
      case 'schema':
        return this.#schema(content.node);
      case 'not': {
        const shape = this.shapeOf(content.of);
        const inner = content.of.content;
        return inner.kind === 'schema'
          ? placed(inner.node, '', () => complementShape(this.table, shape))
          : complementShape(this.table, shape);
      }
      case 'all':
        return content.of.map((part) => this.shapeOf(part)).reduce((a, b) => intersectShapes(this.table, a, b));
    }
  }

  #schema(node: SchemaNode): Shape {
    if (!isJsonObject(node.value)) return node.value ? anyValue(this.table) : NO_VALUE;
    const schema = node.value;
    const context: KeywordContext = {
      node,
      schema,
      table: this.table,
      document: this.#document,
      at: (...path) => this.table.schema(this.#document.child(node, ...path)),
      shapeOf: (expression) => this.shapeOf(expression),
      isCertainlyEmpty: (shape) => this.#isEmptyShape(shape, EMPTY_DEPTH),
    };
    const groups = new Map(Object.keys(schema).map((name) => [KEYWORDS.get(name), name]));
    for (const name of Object.keys(schema)) {
      if (!KEYWORDS.has(name) && !ANNOTATIONS.has(name) && !name.startsWith('x-'))
        throw refuse(node, name, `the keyword ${JSON.stringify(name)} cannot be enforced`);
    }
    let shape = anyValue(this.table);
    // What narrows values down at once comes first: it leaves less to compare for what multiplies alternatives.
    const order = [...groups].sort(([, a], [, b]) => Number(MULTIPLYING.has(a)) - Number(MULTIPLYING.has(b)));
    for (const [work, name] of order) {
      if (!work) continue;
      const made = placed(node, name, () => work(context));
      for (const part of Array.isArray(made) ? (made as readonly Shape[]) : [made as Shape])
        shape = placed(node, name, () => intersectShapes(this.table, shape, part));
    }
    return shape;
  }

  /** Whether two conditions have no value in common, seen without looking into arrays and objects. */
  #excludeScalars(a: Expression, b: Expression): boolean {
    try {
      const [x, y] = [this.shapeOf(a), this.shapeOf(b)];
      return (
        (x.arrays.length === 0 || y.arrays.length === 0) &&
        (x.objects.length === 0 || y.objects.length === 0) &&
        ![...x.literals].some((literal) => y.literals.has(literal)) &&
        isEmpty(intersect(x.strings, y.strings)) &&
        !x.numbers.some((one) => y.numbers.some((other) => intersectNumbers(one, other) !== undefined))
      );
    } catch (error) {
      if (isStarlingError(error, 'invalid_grammar')) return false;
      throw error;
    }
  }

  #isEmpty(expression: Expression, depth: number): boolean {
    if (expression === this.table.never) return true;
    if (expression === this.table.always || depth === 0) return false;
    try {
      return this.#isEmptyShape(this.shapeOf(expression), depth);
    } catch (error) {
      // What is still being worked out, or is refused when it is used, is not known to be empty.
      if (isStarlingError(error, 'invalid_grammar')) return false;
      throw error;
    }
  }

  #isEmptyShape(shape: Shape, depth: number): boolean {
    this.table.spend(1 + shape.arrays.length + shape.objects.length);
    return (
      shape.literals.size === 0 &&
      isEmpty(shape.strings) &&
      shape.numbers.every((set) => isEmpty(numberDfa(set))) &&
      shape.arrays.every((form) => this.#isEmptyArray(form, depth)) &&
      shape.objects.every((form) => this.#isEmptyObject(form, depth))
    );
  }

  #isEmptyArray(form: ArrayForm, depth: number): boolean {
    const count = Math.min(form.min, form.prefix.length + 1);
    for (let i = 0; i < count; i++) if (this.#isEmpty(itemAt(form, i), depth - 1)) return true;
    return form.min > form.max || form.contains.some(({ of, min }) => min > 0 && this.#isEmpty(of, depth - 1));
  }

  #isEmptyObject(form: ObjectForm, depth: number): boolean {
    return (
      form.min > form.max || [...form.required].some((key) => this.#isEmpty(valueOf(this.table, form, key), depth - 1))
    );
  }
}

function placeOf({ content }: Expression): string | undefined {
  return content.kind === 'schema' ? content.node.pointer : undefined;
}
