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
 * Stops at each condition.
 */
export function* inhabitedSteps(
  builder: ShapeBuilder,
  root: Expression,
): Generator<undefined, (expression: Expression) => boolean> {
  const met = new Set([root]);
  for (const expression of met) {
    const shape = yield* builder.shapeSteps(expression);
    // Made now, not in the middle of an output.
    for (const set of shape.numbers) {
      numberDfa(set);
      yield;
    }
    yield;
    yield* meetParts(builder, shape, met);
  }
  const found = new Set<Expression>();
  const inhabited = (expression: Expression): boolean => found.has(expression);
  const open = new Set([...met].reverse());
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    for (const expression of open) {
      yield;
      if (!(yield* isInhabited(builder, builder.shapeOf(expression), inhabited))) continue;
      found.add(expression);
      open.delete(expression);
    }
  }
  return inhabited;
}

/** Adds all conditions of the items and property values of a shape. */
function* meetParts(
  builder: ShapeBuilder,
  { arrays, objects }: Shape,
  met: Set<Expression>,
): Generator<undefined, void> {
  const { table } = builder;
  for (const form of arrays) {
    for (const part of new ArrayPlan(table, boundUnique(builder, form), () => false).conditions()) met.add(part);
    yield;
  }
  for (const form of objects) {
    for (const one of settleObject(table, form)) {
      for (const part of new ObjectPlan(table, one, () => false, 'any').conditions()) met.add(part);
      for (const { value } of one.some) met.add(value);
    }
    yield;
  }
}

function* isInhabited(
  builder: ShapeBuilder,
  shape: Shape,
  inhabited: (expression: Expression) => boolean,
): Generator<undefined, boolean> {
  if (shape.literals.size > 0 || !isEmpty(shape.strings) || shape.numbers.some((set) => !isEmpty(numberDfa(set))))
    return true;
  for (const form of shape.arrays) {
    if (new ArrayPlan(builder.table, boundUnique(builder, form), inhabited).isPossible) return true;
    yield;
  }
  for (const form of shape.objects) {
    if (
      settleObject(builder.table, form).some((one) => new ObjectPlan(builder.table, one, inhabited, 'any').isPossible)
    )
      return true;
    yield;
  }
  return false;
}
