import { TemplateFailure, limitReached } from '../error.js';
import { Str, type Origin } from './str.js';
import { Dict, List, PyObject, Tuple, type Value } from './value.js';

/** Values inside values that are taken from a caller. */
const MAX_DEPTH = 200;

/** A number that JSON writes with a point or an exponent: Python's float also where JavaScript's number is whole. */
export class PyFloat {
  constructor(readonly value: number) {}
}

/**
 * A value of JavaScript as the template sees it. Whole numbers are ints (a `PyFloat` is a float whatever it is); undefined fields are left out.
 * @param path where the value was given, for the origin of its texts
 */
export function toValue(value: unknown, path: readonly (string | number)[] = [], depth = 0): Value {
  if (depth > MAX_DEPTH) throw limitReached('depth', `values may be ${MAX_DEPTH} deep`);
  if (value === null || value === undefined) return null;
  switch (typeof value) {
    case 'boolean':
    case 'bigint':
      return value;
    case 'number':
      return Number.isSafeInteger(value) ? BigInt(value) : value;
    case 'string':
      return Str.from(value, origin(path));
    case 'object':
      break;
    default:
      throw new TemplateFailure('TypeError', `a ${typeof value} cannot be given to a template`);
  }
  if (value instanceof PyFloat) return value.value;
  if (
    value instanceof Str ||
    value instanceof List ||
    value instanceof Tuple ||
    value instanceof Dict ||
    value instanceof PyObject
  )
    return value;
  if (Array.isArray(value)) return new List(value.map((item: unknown, i) => toValue(item, [...path, i], depth + 1)));
  const pairs = Object.entries(value).filter(([, item]) => item !== undefined);
  return new Dict(
    pairs.map(([key, item]) => [Str.from(key, origin(path)), toValue(item, [...path, key], depth + 1)] as const),
    origin(path),
  );
}

/** One object for all strings of a place, so that runs side by side become one. */
function origin(path: readonly (string | number)[]): Origin | undefined {
  return path.length === 0 ? undefined : { path };
}
