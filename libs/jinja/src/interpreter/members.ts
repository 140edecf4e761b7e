import { TemplateFailure } from '../error.js';
import { methodOf } from '../library/methods.js';
import { Range } from '../values/objects.js';
import { reprValue } from '../values/show.js';
import { Str } from '../values/str.js';
import { Undefined } from '../values/undefined.js';
import { Dict, List, NamedTuple, PyObject, Tuple, typeName, type Value } from '../values/value.js';
import type { Budget } from './budget.js';
import { asNumber } from './operators.js';

/** `value.name`: an attribute or method, else an item of that name. */
export function attributeOf(value: Value, name: string, budget: Budget): Value {
  const own = ownAttribute(value, name, budget);
  if (own !== undefined) return own;
  const item = itemOf(value, new Str(name));
  return item === undefined ? missing(value, name) : item;
}

/** `value[key]`: an item, else an attribute of that name. */
export function subscriptOf(value: Value, key: Value, budget: Budget): Value {
  budget.read(value);
  budget.read(key);
  const item = itemOf(value, key);
  if (item !== undefined) return item;
  const own = key instanceof Str ? ownAttribute(value, key.text, budget) : undefined;
  return own === undefined ? missing(value, key) : own;
}

function ownAttribute(value: Value, name: string, budget: Budget): Value | undefined {
  if (value instanceof PyObject) return value.attribute(name);
  const named = value instanceof NamedTuple ? value.attribute(name) : undefined;
  return named === undefined ? methodOf(value, name, budget) : named;
}

function itemOf(value: Value, key: Value): Value | undefined {
  if (value instanceof Undefined) throw value.failure();
  if (value instanceof Dict) return key instanceof List || key instanceof Dict ? undefined : value.get(key);
  const index = asNumber(key);
  if (typeof index !== 'bigint') return undefined;
  if (value instanceof List || value instanceof Tuple) return value.items.at(Number(index));
  if (value instanceof Range) {
    const size = BigInt(value.size());
    const at = index < 0n ? index + size : index;
    return at >= 0n && at < size ? value.start + at * value.step : undefined;
  }
  if (value instanceof Str) {
    const { length } = value;
    const at = index < 0n ? length + Number(index) : Number(index);
    return at >= 0 && at < length ? value.slice(value.unitOf(at), value.unitOf(at + 1)) : undefined;
  }
  return undefined;
}

function missing(value: Value, key: Value | string): Undefined {
  const name = typeof key === 'string' ? `'${key}'` : reprValue(key).text;
  if (typeof key === 'string' || key instanceof Str)
    return new Undefined(
      value === null ? `'None' has no attribute ${name}` : `'${typeName(value)} object' has no attribute ${name}`,
    );
  return new Undefined(`${typeName(value)} object has no element ${name}`);
}

/** `value[start:stop:step]`, as Python counts. */
export function sliceOf(value: Value, parts: readonly [Value, Value, Value], budget: Budget): Value {
  if (value instanceof Undefined) throw value.failure();
  const [start, stop, step] = parts.map((part) => {
    if (part === null) return undefined;
    const number = asNumber(part);
    if (typeof number !== 'bigint')
      throw new TemplateFailure('TypeError', 'slice indices must be integers or None or have an __index__ method');
    return Number(number);
  });
  if (step === 0) throw new TemplateFailure('ValueError', 'slice step cannot be zero');
  if (!(value instanceof Str || value instanceof List || value instanceof Tuple || value instanceof Range)) {
    throw new TemplateFailure(
      'TypeError',
      value instanceof Dict ? "unhashable type: 'slice'" : `'${typeName(value)}' object is not subscriptable`,
    );
  }
  const length = value instanceof Str ? value.length : value instanceof Range ? value.size() : value.items.length;
  const indices = indicesOf(length, start, stop, step ?? 1);
  budget.spend(indices.length);
  if (value instanceof Range) return value.slice(indices, step ?? 1);
  if (value instanceof Str) {
    if ((step ?? 1) === 1)
      return indices.length === 0
        ? new Str('')
        : value.slice(value.unitOf(indices[0]), value.unitOf(indices[indices.length - 1] + 1));
    const chars = value.chars();
    return Str.join(indices.map((i) => chars[i]));
  }
  const items = indices.map((i) => value.items[i]);
  return value instanceof List ? new List(items) : new Tuple(items);
}

function indicesOf(length: number, start: number | undefined, stop: number | undefined, step: number): number[] {
  const clamp = (index: number, low: number, high: number): number =>
    Math.min(high, Math.max(low, index < 0 ? index + length : index));
  const [low, high] = step > 0 ? [0, length] : [-1, length - 1];
  const from = start === undefined ? (step > 0 ? 0 : length - 1) : clamp(start, low, high);
  const to = stop === undefined ? (step > 0 ? length : -1) : clamp(stop, low, high);
  const indices: number[] = [];
  for (let i = from; step > 0 ? i < to : i > to; i += step) indices.push(i);
  return indices;
}
