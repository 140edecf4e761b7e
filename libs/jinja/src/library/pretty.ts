import { order } from '../interpreter/operators.js';
import { reprValue } from '../values/show.js';
import { Str } from '../values/str.js';
import { Dict, List, Tuple, type Value } from '../values/value.js';
import { visitForCopy, Written } from '../values/walk.js';

const WIDTH = 80;

/** Python's `pprint.pformat`, but for long strings, which stay whole: keys in order, one item a line where all do not fit on one. */
export function prettyText(value: Value, indent = 1, allowance = 0): Str {
  const sorted = withSortedKeys(value);
  const flat = reprValue(sorted);
  if (flat.length <= WIDTH - indent + 1 - allowance) return flat;
  if (sorted instanceof Dict) {
    const pairs = Array.from(sorted.pairs());
    return bracketed(
      '{',
      pairs.map(([key, item], i) => {
        const shown = reprValue(key);
        return Str.join([
          shown,
          new Str(': '),
          prettyText(item, indent + shown.length + 2, i === pairs.length - 1 ? allowance + 1 : 1),
        ]);
      }),
      '}',
      indent,
    );
  }
  if (!(sorted instanceof List || sorted instanceof Tuple)) return flat;
  const { items } = sorted;
  const close = sorted instanceof List ? ']' : items.length === 1 ? ',)' : ')';
  return bracketed(
    sorted instanceof List ? '[' : '(',
    items.map((item, i) => prettyText(item, indent + 1, i === items.length - 1 ? allowance + close.length : 1)),
    close,
    indent,
  );
}

function bracketed(open: string, items: readonly Str[], close: string, indent: number): Str {
  const separator = new Str(`,\n${' '.repeat(indent)}`);
  new Written().add(
    items.reduce((sum, { text }) => sum + text.length + separator.text.length, open.length + close.length),
  );
  return Str.join([
    new Str(open),
    ...items.flatMap((item, i) => (i === 0 ? [item] : [separator, item])),
    new Str(close),
  ]);
}

function withSortedKeys(value: Value, depth = 0): Value {
  visitForCopy(depth);
  const inside = (item: Value): Value => withSortedKeys(item, depth + 1);
  if (!(value instanceof Dict))
    return value instanceof List
      ? new List(value.items.map(inside))
      : value instanceof Tuple
        ? new Tuple(value.items.map(inside))
        : value;
  const pairs = Array.from(value.pairs(), ([key, item]) => [key, inside(item)] as const);
  const isComparable =
    pairs.every(([key]) => key instanceof Str) ||
    pairs.every(([key]) => typeof key === 'bigint' || typeof key === 'number');
  return new Dict(isComparable ? pairs.sort(([a], [b]) => order(a, b)) : pairs);
}
