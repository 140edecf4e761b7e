import { TemplateFailure } from '../error.js';
import type { BinaryOperator, ComparisonOperator } from '../syntax/tree.js';
import { formattedPercent } from '../library/percent.js';
import { escapedHtml } from '../values/html.js';
import { Str } from '../values/str.js';
import { Undefined } from '../values/undefined.js';
import { Dict, List, PyIterable, Tuple, typeName, type Value } from '../values/value.js';
import { look, visit } from '../values/walk.js';
import type { Budget } from './budget.js';

/** Python's truth of a value. */
export function isTrue(value: Value): boolean {
  if (value === null) return false;
  if (typeof value === 'boolean') return value;
  if (typeof value === 'bigint') return value !== 0n;
  if (typeof value === 'number') return value !== 0;
  if (value instanceof Str) return value.text.length > 0;
  if (value instanceof List || value instanceof Tuple) return value.items.length > 0;
  if (value instanceof Dict) return value.size > 0;
  return value.isTrue();
}

/** An int or a float; booleans are ints. Undefined: it is no number. */
export function asNumber(value: Value): bigint | number | undefined {
  if (typeof value === 'boolean') return value ? 1n : 0n;
  return typeof value === 'bigint' || typeof value === 'number' ? value : undefined;
}

/** The items of a value, one after another. @throws TemplateFailure TypeError for what has none */
export function iterate(value: Value): Iterator<Value> {
  if (value instanceof List || value instanceof Tuple) return value.items[Symbol.iterator]();
  if (value instanceof Str) return value.eachChar();
  if (value instanceof Dict) return value.keys()[Symbol.iterator]();
  if (value instanceof PyIterable) return value.iterate();
  throw new TemplateFailure('TypeError', `'${typeName(value)}' object is not iterable`);
}

export function itemsOf(value: Value, budget: Budget): Value[] {
  const items: Value[] = [];
  const iterator = iterate(value);
  for (let next = iterator.next(); next.done !== true; next = iterator.next()) {
    budget.spend();
    items.push(next.value);
  }
  return items;
}

/** Number of items. @throws TemplateFailure TypeError for what has none */
export function sizeOf(value: Value): number {
  if (value instanceof Str) return value.length;
  if (value instanceof List || value instanceof Tuple) return value.items.length;
  if (value instanceof Dict) return value.size;
  const size = value instanceof PyIterable ? value.size() : undefined;
  if (size === undefined) throw new TemplateFailure('TypeError', `object of type '${typeName(value)}' has no len()`);
  return size;
}

export function areEqual(a: Value, b: Value, depth = 0): boolean {
  visit(depth);
  const x = asNumber(a);
  const y = asNumber(b);
  // Loose equality compares ints and floats by value, exactly.
  if (x !== undefined && y !== undefined) return x == y;
  if (a instanceof Str && b instanceof Str) {
    if (a.text.length === b.text.length) look(a.text.length);
    return a.text === b.text;
  }
  if ((a instanceof List && b instanceof List) || (a instanceof Tuple && b instanceof Tuple)) {
    return a.items.length === b.items.length && a.items.every((item, i) => areEqual(item, b.items[i], depth + 1));
  }
  if (a instanceof Dict && b instanceof Dict) {
    if (a.size !== b.size) return false;
    for (const [key, value] of a.pairs()) {
      const other = b.get(key);
      if (other === undefined || !areEqual(value, other, depth + 1)) return false;
    }
    return true;
  }
  if (a instanceof Undefined && b instanceof Undefined) return true;
  return a === b;
}

/** Negative, zero or positive. @throws TemplateFailure TypeError for values that have no order */
export function order(a: Value, b: Value, operator = '<', depth = 0): number {
  visit(depth);
  const x = asNumber(a);
  const y = asNumber(b);
  if (x !== undefined && y !== undefined) return x < y ? -1 : x > y ? 1 : 0;
  if (a instanceof Str && b instanceof Str) {
    look(Math.min(a.text.length, b.text.length));
    return orderText(a.text, b.text);
  }
  if ((a instanceof List && b instanceof List) || (a instanceof Tuple && b instanceof Tuple)) {
    for (let i = 0; i < Math.min(a.items.length, b.items.length); i++) {
      if (!areEqual(a.items[i], b.items[i], depth + 1)) return order(a.items[i], b.items[i], operator, depth + 1);
    }
    return a.items.length - b.items.length;
  }
  for (const value of [a, b]) if (value instanceof Undefined) throw value.failure();
  throw new TemplateFailure(
    'TypeError',
    `'${operator}' not supported between instances of '${typeName(a)}' and '${typeName(b)}'`,
  );
}

/** By code points, as Python does; JavaScript compares units, which differ beyond the first plane. */
function orderText(a: string, b: string): number {
  if (a === b) return 0;
  let i = 0;
  while (i < a.length && i < b.length && a[i] === b[i]) i++;
  if (i > 0 && /[\udc00-\udfff]/.test(a[i] ?? '') && /[\ud800-\udbff]/.test(a[i - 1])) i--;
  return (a.codePointAt(i) ?? -1) - (b.codePointAt(i) ?? -1);
}

export function contains(container: Value, item: Value): boolean {
  if (container instanceof Str) {
    if (item instanceof Undefined) throw item.failure();
    if (!(item instanceof Str))
      throw new TemplateFailure('TypeError', `'in <string>' requires string as left operand, not ${typeName(item)}`);
    return container.text.includes(item.text);
  }
  if (container instanceof Dict) return container.has(item);
  if (container instanceof List || container instanceof Tuple)
    return container.items.some((one) => areEqual(one, item));
  if (!(container instanceof PyIterable))
    throw new TemplateFailure('TypeError', `argument of type '${typeName(container)}' is not iterable`);
  const iterator = container.iterate();
  for (let next = iterator.next(); next.done !== true; next = iterator.next())
    if (areEqual(next.value, item)) return true;
  return false;
}

export function compare(operator: ComparisonOperator, a: Value, b: Value): boolean {
  switch (operator) {
    case '==':
      return areEqual(a, b);
    case '!=':
      return !areEqual(a, b);
    case 'in':
      return contains(b, a);
    case 'not in':
      return !contains(b, a);
    default:
  }
  const isNan = [a, b].some((value) => typeof value === 'number' && Number.isNaN(value));
  const sign = order(a, b, operator);
  if (isNan) return false;
  if (operator === '<') return sign < 0;
  if (operator === '<=') return sign <= 0;
  return operator === '>' ? sign > 0 : sign >= 0;
}

export function binary(operator: BinaryOperator, a: Value, b: Value, budget: Budget): Value {
  if (operator === '%' && a instanceof Str) return formattedPercent(a, b, budget);
  for (const value of [a, b]) if (value instanceof Undefined) throw value.failure();
  const x = asNumber(a);
  const y = asNumber(b);
  if (x !== undefined && y !== undefined) return arithmetic(operator, x, y, budget);
  if (operator === '+') {
    if (a instanceof Str && b instanceof Str) {
      budget.joined([a, b]);
      // What is marked as HTML takes the other in as text.
      return a.isMarkup || b.isMarkup ? Str.join([escapedHtml(a), escapedHtml(b)]).as(true) : Str.join([a, b]);
    }
    if (a instanceof Str)
      throw new TemplateFailure('TypeError', `can only concatenate str (not "${typeName(b)}") to str`);
    if (a instanceof List && b instanceof List) return new List(concatenated(a, b, budget));
    if (a instanceof Tuple && b instanceof Tuple) return new Tuple(concatenated(a, b, budget));
  }
  if (operator === '*') {
    const [sequence, times] = typeof y === 'bigint' ? [a, y] : [b, x];
    if (typeof times === 'bigint' && (sequence instanceof Str || sequence instanceof List || sequence instanceof Tuple))
      return repeated(sequence, times, budget);
  }

  throw new TemplateFailure(
    'TypeError',
    `unsupported operand type(s) for ${operator === '**' ? '** or pow()' : operator}: '${typeName(a)}' and '${typeName(b)}'`,
  );
}

function concatenated(a: List | Tuple, b: List | Tuple, budget: Budget): Value[] {
  budget.spend(a.items.length + b.items.length);
  return [...a.items, ...b.items];
}

function repeated(sequence: Str | List | Tuple, times: bigint, budget: Budget): Value {
  const count = times < 0n ? 0 : Number(times);
  const size = sequence instanceof Str ? sequence.text.length : sequence.items.length;
  budget.text(size * count);
  if (sequence instanceof Str) return sequence.repeat(size === 0 ? 0 : count);
  budget.spend(size * count);
  const items = Array.from({ length: size === 0 ? 0 : count }, () => sequence.items).flat();
  return sequence instanceof List ? new List(items) : new Tuple(items);
}

function arithmetic(operator: BinaryOperator, x: bigint | number, y: bigint | number, budget: Budget): bigint | number {
  const isZero = y === 0n || y === 0;
  if (isZero && (operator === '/' || operator === '//' || operator === '%')) {
    throw new TemplateFailure(
      'ZeroDivisionError',
      typeof x === 'bigint' && typeof y === 'bigint'
        ? operator === '/'
          ? 'division by zero'
          : 'integer division or modulo by zero'
        : 'float division by zero',
    );
  }
  if (typeof x === 'bigint' && typeof y === 'bigint') return integers(operator, x, y, budget);
  const a = Number(x);
  const b = Number(y);
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
    case '//':
      return Math.floor(a / b);
    case '%': {
      const rest = a % b;
      return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
    }
    case '**':
      return a ** b;
  }
}

function integers(operator: BinaryOperator, x: bigint, y: bigint, budget: Budget): bigint | number {
  switch (operator) {
    case '+':
      return budget.integer(x + y);
    case '-':
      return budget.integer(x - y);
    case '*':
      return budget.integer(x * y);
    case '/':
      return Number(x) / Number(y);
    case '//': {
      const quotient = x / y;
      return x % y !== 0n && x < 0n !== y < 0n ? quotient - 1n : quotient;
    }
    case '%': {
      const rest = x % y;
      return rest !== 0n && rest < 0n !== y < 0n ? rest + y : rest;
    }
    case '**': {
      if (y < 0n) return Number(x) ** Number(y);
      const bits = (x < 0n ? -x : x).toString(2).length;
      // Told before it is computed: the power itself would take the time.
      if (x !== 0n && x !== 1n && x !== -1n && BigInt(bits) * y > BigInt(budget.limits.integerBits))
        budget.integer(1n << BigInt(budget.limits.integerBits + 1));
      return budget.integer(x ** y);
    }
  }
}

export function negative(value: Value): Value {
  if (value instanceof Undefined) throw value.failure();
  const number = asNumber(value);
  if (number === undefined)
    throw new TemplateFailure('TypeError', `bad operand type for unary -: '${typeName(value)}'`);
  return -number;
}

export function positive(value: Value): Value {
  if (value instanceof Undefined) throw value.failure();
  const number = asNumber(value);
  if (number === undefined)
    throw new TemplateFailure('TypeError', `bad operand type for unary +: '${typeName(value)}'`);
  return number;
}
