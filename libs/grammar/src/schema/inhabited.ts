import { isEmpty } from '../automata/algebra.js';
import { numberDfa } from '../number/number-dfa.js';
import { ArrayPlan } from './array-plan.js';
import type { Expression, Shape } from './model.js';
import { ObjectPlan } from './object-plan.js';
import type { ShapeBuilder } from './shape-builder.js';
import { settleObject } from './settle-object.js';
import { boundUnique } from './unique-items.js';

/**
 * Finds which of the conditions that a schema leads to are satisfied by some finite value: the smallest set such that a condition is
 * in it when a scalar satisfies it, or an array or object all of whose needed parts are in it. What recurs without end is not in it.
 */
export function findInhabited(builder: ShapeBuilder, root: Expression): (expression: Expression) => boolean {
  const met = new Set([root]);
  for (const expression of met) {
    const shape = builder.shapeOf(expression);
    // Made now, not in the middle of an output.
    shape.numbers.forEach(numberDfa);
    for (const part of partsOf(builder, shape)) met.add(part);
  }
  const found = new Set<Expression>();
  const inhabited = (expression: Expression): boolean => found.has(expression);
  const open = new Set([...met].reverse());
  for (let before = -1; before !== found.size;) {
    before = found.size;
    for (const expression of open) {
      if (!isInhabited(builder, builder.shapeOf(expression), inhabited)) continue;
      found.add(expression);
      open.delete(expression);
    }
  }
  return inhabited;
}

/** All conditions of the items and property values of a shape. */
function partsOf(builder: ShapeBuilder, shape: Shape): Expression[] {
  const { table } = builder;
  const items = shape.arrays.flatMap((form) => new ArrayPlan(table, boundUnique(builder, form), () => false).conditions());
  const objects = shape.objects.flatMap((form) => settleObject(table, form));
  const values = objects.flatMap((form) => [...new ObjectPlan(table, form, () => false, 'any').conditions(), ...form.some.map(({ value }) => value)]);
  return [...items, ...values];
}

function isInhabited(builder: ShapeBuilder, shape: Shape, inhabited: (expression: Expression) => boolean): boolean {
  return (
    shape.literals.size > 0 ||
    !isEmpty(shape.strings) ||
    shape.numbers.some((set) => !isEmpty(numberDfa(set))) ||
    shape.arrays.some((form) => new ArrayPlan(builder.table, boundUnique(builder, form), inhabited).isPossible) ||
    shape.objects.some((form) => settleObject(builder.table, form).some((one) => new ObjectPlan(builder.table, one, inhabited, 'any').isPossible))
  );
}
