import { ALL_TEXTS, complement, intersect, isEmpty, NO_TEXT, union } from '../automata/algebra.js';
import { LIMITS, limitError } from '../limits.js';
import { ALL_NUMBERS, complementNumbers, intersectNumbers } from '../number/number-set.js';
import { ANY_ARRAY, complementArray, intersectArrays } from './array-form.js';
import type { ExpressionTable } from './expression.js';
import type { Literal, Shape } from './model.js';
import { ANY_OBJECT, complementObject, intersectObjects } from './object-form.js';

const LITERALS: readonly Literal[] = ['null', 'true', 'false'];

export const NO_VALUE: Shape = { literals: new Set(), strings: NO_TEXT, numbers: [], arrays: [], objects: [] };

/** The shape of all values, with parts replaced. */
export function anyValue(table: ExpressionTable, parts: Partial<Shape> = {}): Shape {
  return {
    literals: new Set(LITERALS),
    strings: ALL_TEXTS,
    numbers: [ALL_NUMBERS],
    arrays: [ANY_ARRAY(table)],
    objects: [ANY_OBJECT(table)],
    ...parts,
  };
}

export function intersectShapes(table: ExpressionTable, a: Shape, b: Shape): Shape {
  return {
    literals: new Set([...a.literals].filter((literal) => b.literals.has(literal))),
    strings:
      isEmpty(a.strings) || isEmpty(b.strings)
        ? NO_TEXT
        : a.strings === ALL_TEXTS
          ? b.strings
          : intersect(a.strings, b.strings),
    numbers: pairs(table, a.numbers, b.numbers, intersectNumbers),
    arrays: pairs(table, a.arrays, b.arrays, (x, y) => intersectArrays(table, x, y)),
    objects: pairs(table, a.objects, b.objects, (x, y) => intersectObjects(table, x, y)),
  };
}

/** All values of any of the shapes. */
export function uniteAll(shapes: readonly Shape[]): Shape {
  const numbers = new Set(shapes.flatMap((shape) => shape.numbers));
  return {
    literals: new Set(shapes.flatMap(({ literals }) => [...literals])),
    strings: shapes.reduce((all, { strings }) => union(all, strings), NO_TEXT),
    numbers: numbers.has(ALL_NUMBERS) ? [ALL_NUMBERS] : [...numbers],
    arrays: bounded([...new Set(shapes.flatMap(({ arrays }) => arrays))]),
    objects: bounded([...new Set(shapes.flatMap(({ objects }) => objects))]),
  };
}

/** All values outside of a shape. @throws StarlingError invalid_grammar where that is beyond what can be enforced */
export function complementShape(table: ExpressionTable, shape: Shape): Shape {
  return {
    literals: new Set(LITERALS.filter((literal) => !shape.literals.has(literal))),
    strings: complement(shape.strings),
    numbers: outside(table, shape.numbers, [ALL_NUMBERS], complementNumbers, intersectNumbers),
    arrays: outside(
      table,
      shape.arrays,
      [ANY_ARRAY(table)],
      (form) => complementArray(table, form),
      (x, y) => intersectArrays(table, x, y),
    ),
    objects: outside(
      table,
      shape.objects,
      [ANY_OBJECT(table)],
      (form) => complementObject(table, form),
      (x, y) => intersectObjects(table, x, y),
    ),
  };
}

/** What is in none of the forms: the intersection of their complements. */
function outside<T>(
  table: ExpressionTable,
  forms: readonly T[],
  all: readonly T[],
  complementOf: (form: T) => readonly T[],
  intersectOf: (a: T, b: T) => T | undefined,
): readonly T[] {
  return forms.reduce<readonly T[]>(
    (rest, form) => (rest.length === 0 ? rest : pairs(table, rest, complementOf(form), intersectOf)),
    all,
  );
}

function pairs<T>(
  table: ExpressionTable,
  a: readonly T[],
  b: readonly T[],
  intersectOf: (a: T, b: T) => T | undefined,
): readonly T[] {
  const both: T[] = [];
  table.spend(a.length * b.length);
  for (const x of a) {
    for (const y of b) {
      const form = intersectOf(x, y);
      if (form !== undefined) both.push(form);
    }
    // Single values of an enum are as many as the schema names.
    if (a.length > 1 && b.length > 1) bounded(both);
  }
  return both;
}

function bounded<T>(forms: readonly T[]): readonly T[] {
  if (forms.length > LIMITS.alternatives) throw limitError('alternatives', 'alternatives for one value');
  return forms;
}
