import { TemplateFailure } from '../error.js';
import { asNumber, areEqual, compare, contains, isTrue } from '../interpreter/operators.js';
import { showValue } from '../values/show.js';
import { Str } from '../values/str.js';
import { DictView } from '../values/objects.js';
import { Undefined } from '../values/undefined.js';
import { Callable, Dict, List, PyIterable, Tuple, typeName, type CallArguments, type Value } from '../values/value.js';
import type { FilterContext } from './context.js';

type Test = (value: Value, args: CallArguments, context: FilterContext) => boolean;

function operand(args: CallArguments, name: string): Value {
  const value = [args.positional[0], ...args.named.values()].find((one) => one !== undefined);
  if (value === undefined) throw new TemplateFailure('TypeError', `test '${name}' needs an argument`);
  return value;
}

/** As Python's `%` of numbers; a text would be a format. */
function remainder(value: Value, by: bigint | number): bigint | number {
  if (value instanceof Undefined) throw value.failure();
  const number = asNumber(value);
  if (number === undefined) throw new TemplateFailure('TypeError', `a number is needed, not ${typeName(value)}`);
  if (by == 0) throw new TemplateFailure('ZeroDivisionError', 'integer division or modulo by zero');
  const rest = typeof number === 'bigint' && typeof by === 'bigint' ? number % by : Number(number) % Number(by);
  if (rest == 0 || rest < 0 === by < 0) return rest;
  return typeof rest === 'bigint' && typeof by === 'bigint' ? rest + by : Number(rest) + Number(by);
}

const isNumber = (value: Value): boolean =>
  typeof value === 'bigint' || typeof value === 'number' || typeof value === 'boolean';
const isIterable = (value: Value): boolean =>
  value instanceof Str ||
  value instanceof List ||
  value instanceof Tuple ||
  value instanceof Dict ||
  value instanceof PyIterable;
const comparison =
  (operator: '==' | '!=' | '<' | '<=' | '>' | '>='): Test =>
  (value, args) =>
    compare(operator, value, operand(args, operator));

/** Jinja's tests, by name: what `is` asks. */
export const TESTS: Readonly<Record<string, Test>> = {
  boolean: (value) => typeof value === 'boolean',
  callable: (value) => value instanceof Callable,
  defined: (value) => !(value instanceof Undefined),
  undefined: (value) => value instanceof Undefined,
  divisibleby: (value, args) => {
    const by = operand(args, 'divisibleby');
    const number = asNumber(by);
    if (number === undefined) throw new TemplateFailure('TypeError', `divisibleby needs a number, not ${typeName(by)}`);
    // Loose equality compares ints and floats by value.
    return remainder(value, number) == 0;
  },
  escaped: (value) => value instanceof Str && value.isMarkup,
  even: (value) => remainder(value, 2n) == 0,
  odd: (value) => remainder(value, 2n) == 1,
  false: (value) => value === false,
  true: (value) => value === true,
  filter: (value, _args, context) => value instanceof Str && context.hasFilter(value.text),
  test: (value) => value instanceof Str && Object.hasOwn(TESTS, value.text),
  float: (value) => typeof value === 'number',
  integer: (value) => typeof value === 'bigint',
  number: isNumber,
  in: (value, args) => contains(operand(args, 'in'), value),
  iterable: isIterable,
  lower: (value) => isCased(value, (text) => text.toLowerCase()),
  upper: (value) => isCased(value, (text) => text.toUpperCase()),
  mapping: (value) => value instanceof Dict,
  none: (value) => value === null,
  sameas: (value, args) => isSame(value, operand(args, 'sameas')),
  // Jinja asks for a length and for items by place: a generator has neither, a view of a dict has no places.
  sequence: (value) =>
    isIterable(value) && !(value instanceof DictView) && !(value instanceof PyIterable && value.size() === undefined),
  string: (value) => value instanceof Str,
  eq: comparison('=='),
  equalto: comparison('=='),
  '==': comparison('=='),
  ne: comparison('!='),
  '!=': comparison('!='),
  lt: comparison('<'),
  lessthan: comparison('<'),
  '<': comparison('<'),
  le: comparison('<='),
  '<=': comparison('<='),
  gt: comparison('>'),
  greaterthan: comparison('>'),
  '>': comparison('>'),
  ge: comparison('>='),
  '>=': comparison('>='),
};

function isCased(value: Value, change: (text: string) => string): boolean {
  const { text } = showValue(value);
  return /\p{L}/u.test(text) && change(text) === text;
}

function isSame(a: Value, b: Value): boolean {
  if (a === b) return true;
  return a instanceof Str && b instanceof Str
    ? a.text === b.text && areEqual(a, b)
    : typeof a === typeof b && (typeof a === 'number' || typeof a === 'bigint') && a === b;
}

/** For filters that take a test's name. */
export function passes(context: FilterContext, value: Value, { positional, named }: CallArguments): boolean {
  const [name, ...rest] = positional;
  if (name === undefined) return isTrue(value);
  return context.test(showValue(name).text, value, { positional: rest, named });
}
