import { TemplateFailure } from '../error.js';
import { Bound } from '../interpreter/arguments.js';
import { areEqual, asNumber, binary, isTrue, itemsOf, iterate, order } from '../interpreter/operators.js';
import { Generator } from '../values/objects.js';
import { showValue } from '../values/show.js';
import { Str } from '../values/str.js';
import { Undefined } from '../values/undefined.js';
import { Dict, List, NamedTuple, Tuple, typeName, type CallArguments, type Value } from '../values/value.js';
import type { Filter, FilterContext } from './context.js';
import { passes } from './tests.js';

const bound = (name: string, args: CallArguments, ...parameters: string[]): Bound => new Bound(name, parameters, args);
const flag = (b: Bound, name: string): boolean => b.has(name) && isTrue(b.required(name));

/** The way to a part of an item: `a.b.0`, a number, or the item itself. */
function getter(path: Value | undefined, context: FilterContext): (item: Value) => Value {
  if (path === undefined || path === null) return (item) => item;
  if (!(path instanceof Str)) return (item) => context.subscript(item, path);
  const steps = path.text.split('.').map((step) => (/^\d+$/.test(step) ? BigInt(step) : new Str(step)));
  return (item) => steps.reduce<Value>((value, step) => context.subscript(value, step), item);
}

/** What filters give that work on one item after another: nothing of it happens before somebody asks, and once it has been read it is empty. */
const lazily = (items: () => globalThis.Generator<Value, void, undefined>): Generator => new Generator(items());

/** The items of a value that has any: what is false has none, whatever it is. */
function* each(value: Value, { budget }: FilterContext): globalThis.Generator<Value, void, undefined> {
  if (!isTrue(value)) return;
  const iterator = iterate(value);
  for (let next = iterator.next(); next.done !== true; next = iterator.next()) {
    budget.spend();
    yield next.value;
  }
}

/** Text without its case, for orders that do not heed it. */
const folded = (value: Value, heedsCase: boolean): Value =>
  value instanceof Str && !heedsCase ? value.mapText((text) => text.toLowerCase()) : value;

function sorted(items: readonly Value[], key: (item: Value) => Value, isReversed: boolean): Value[] {
  const keyed = items.map((item) => [key(item), item] as const);
  keyed.sort(([a], [b]) => (isReversed ? order(b, a) : order(a, b)));
  return keyed.map(([, item]) => item);
}

function extreme(name: 'min' | 'max'): Filter {
  return (value, args, context) => {
    const b = bound(name, args, 'case_sensitive', 'attribute');
    const get = getter(b.value('attribute'), context);
    const items = itemsOf(value, context.budget);
    if (items.length === 0) return new Undefined('No aggregated item, sequence was empty.');
    const key = (item: Value): Value => folded(get(item), flag(b, 'case_sensitive'));
    return items.reduce((best, item) =>
      (name === 'min' ? order(key(item), key(best)) < 0 : order(key(item), key(best)) > 0) ? item : best,
    );
  };
}

function chosen(keeps: boolean, byAttribute: boolean): Filter {
  return (value, { positional, named }, context) => {
    const attribute = byAttribute ? positional[0] : undefined;
    const rest = byAttribute ? positional.slice(1) : positional;
    if (byAttribute && attribute === undefined)
      throw new TemplateFailure('TypeError', 'Missing parameter for attribute name');
    const get = getter(attribute, context);
    return lazily(function* () {
      for (const item of each(value, context))
        if (passes(context, get(item), { positional: rest, named }) === keeps) yield item;
    });
  };
}

function mapped(value: Value, { positional, named }: CallArguments, context: FilterContext): Value {
  const attribute = named.get('attribute');
  if (positional.length === 0 && attribute !== undefined) {
    const get = getter(attribute, context);
    const otherwise = named.get('default');
    const extra = [...named.keys()].find((name) => name !== 'attribute' && name !== 'default');
    if (extra !== undefined) throw new TemplateFailure('TypeError', `Unexpected keyword argument '${extra}'`);
    return lazily(function* () {
      for (const item of each(value, context)) {
        const found = get(item);
        yield found instanceof Undefined && otherwise !== undefined ? otherwise : found;
      }
    });
  }
  const [name, ...rest] = positional;
  return lazily(function* () {
    for (const item of each(value, context)) {
      if (!(name instanceof Str)) throw new TemplateFailure('TypeError', 'map requires a filter argument');
      yield context.filter(name.text, item, { positional: rest, named });
    }
  });
}

function joined(value: Value, args: CallArguments, context: FilterContext): Value {
  const b = bound('join', args, 'd', 'attribute');
  const get = getter(b.value('attribute'), context);
  const separator = b.has('d') ? showValue(b.required('d')) : new Str('');
  const items = value instanceof Undefined ? [] : itemsOf(value, context.budget);
  const parts = items.flatMap((item, i) => (i === 0 ? [showValue(get(item))] : [separator, showValue(get(item))]));
  context.budget.text(parts.reduce((sum, part) => sum + part.text.length, 0));
  return Str.join(parts);
}

function grouped(value: Value, args: CallArguments, context: FilterContext): Value {
  const b = bound('groupby', args, 'attribute', 'default', 'case_sensitive');
  const get = getter(b.required('attribute'), context);
  const heedsCase = flag(b, 'case_sensitive');
  const key = (item: Value): Value => {
    const found = get(item);
    return folded(found instanceof Undefined && b.has('default') ? b.required('default') : found, heedsCase);
  };
  const groups: { readonly key: Value; readonly items: Value[] }[] = [];
  for (const item of sorted(itemsOf(value, context.budget), key, false)) {
    const last = groups.at(-1);
    if (last && areEqual(last.key, key(item))) last.items.push(item);
    else groups.push({ key: key(item), items: [item] });
  }
  const label = (item: Value): Value => {
    const found = get(item);
    return found instanceof Undefined && b.has('default') ? b.required('default') : found;
  };
  return new List(
    groups.map((group) => new NamedTuple(['grouper', 'list'], [label(group.items[0]), new List(group.items)])),
  );
}

/** Filters that work on the items of a value. */
export const SEQUENCE_FILTERS: Readonly<Record<string, Filter>> = {
  batch: (value, args, { budget }) => {
    const b = bound('batch', args, 'linecount', 'fill_with');
    const size = Math.max(1, b.integer('linecount', 1));
    const items = itemsOf(value, budget);
    const rows: Value[][] = [];
    for (let i = 0; i < items.length; i += size) rows.push(items.slice(i, i + size));
    const last = rows.at(-1);
    const fill = b.value('fill_with');
    if (last && fill !== undefined && fill !== null) while (last.length < size) last.push(fill);
    return new Generator(rows.map((row) => new List(row))[Symbol.iterator]());
  },
  dictsort: (value, args) => {
    const b = bound('dictsort', args, 'case_sensitive', 'by', 'reverse');
    if (!(value instanceof Dict))
      throw new TemplateFailure('TypeError', `dictsort needs a mapping, not ${typeName(value)}`);
    const by = b.optionalText('by')?.text ?? 'key';
    if (by !== 'key' && by !== 'value')
      throw new TemplateFailure('ValueError', 'You can only sort by either "key" or "value"');
    const pairs = Array.from(value.pairs(), ([key, item]) => new Tuple([key, item]));
    return new List(
      sorted(
        pairs,
        (pair) => folded(pair instanceof Tuple ? pair.items[by === 'key' ? 0 : 1] : pair, flag(b, 'case_sensitive')),
        flag(b, 'reverse'),
      ),
    );
  },
  first: (value, _args, { budget }) => {
    budget.spend();
    const next = iterate(value).next();
    const item = next.done === true ? undefined : next.value;
    return item === undefined ? new Undefined('No first item, sequence was empty.') : item;
  },
  last: (value, _args, { budget }) => {
    if (value instanceof Generator)
      throw new TemplateFailure('TypeError', `'${value.typeName}' object is not reversible`);
    const item = itemsOf(value, budget).at(-1);
    return item === undefined ? new Undefined('No last item, sequence was empty.') : item;
  },
  groupby: grouped,
  join: joined,
  list: (value, _args, { budget }) => new List(value instanceof Undefined ? [] : itemsOf(value, budget)),
  map: mapped,
  max: extreme('max'),
  min: extreme('min'),
  reject: chosen(false, false),
  rejectattr: chosen(false, true),
  select: chosen(true, false),
  selectattr: chosen(true, true),
  reverse: (value, _args, { budget }) => {
    if (value instanceof Str) return Str.join(value.chars().reverse());
    return new Generator(itemsOf(value, budget).reverse()[Symbol.iterator]());
  },
  slice: (value, args, { budget }) => {
    const b = bound('slice', args, 'slices', 'fill_with');
    const items = itemsOf(value, budget);
    const slices = Math.max(1, b.integer('slices', 1));
    budget.spend(slices);
    const size = Math.floor(items.length / slices);
    const longer = items.length % slices;
    const fill = b.value('fill_with');
    let from = 0;
    const rows = Array.from({ length: slices }, (_, i) => {
      const row = items.slice(from, (from += size + (i < longer ? 1 : 0)));
      if (fill !== undefined && fill !== null && i >= longer) row.push(fill);
      return new List(row);
    });
    return new Generator(rows[Symbol.iterator]());
  },
  sort: (value, args, context) => {
    const b = bound('sort', args, 'reverse', 'case_sensitive', 'attribute');
    const attribute = b.value('attribute');
    const paths = attribute instanceof Str ? attribute.text.split(',').map((path) => new Str(path)) : [attribute];
    const gets = paths.map((path) => getter(path, context));
    const heedsCase = flag(b, 'case_sensitive');
    // Compared as lists, also of one: items that are equal, or both missing, are not asked which is less.
    const key = (item: Value): Value => new Tuple(gets.map((get) => folded(get(item), heedsCase)));
    return new List(sorted(itemsOf(value, context.budget), key, flag(b, 'reverse')));
  },
  sum: (value, args, context) => {
    const b = bound('sum', args, 'attribute', 'start');
    const get = getter(b.value('attribute'), context);
    if (b.value('start') instanceof Str)
      throw new TemplateFailure('TypeError', "sum() can't sum strings [use ''.join(seq) instead]");
    return itemsOf(value, context.budget).reduce<Value>(
      (total, item) => binary('+', total, get(item), context.budget),
      b.value('start') ?? 0n,
    );
  },
  unique: (value, args, context) => {
    const b = bound('unique', args, 'case_sensitive', 'attribute');
    const get = getter(b.value('attribute'), context);
    const seen = new Dict();
    const items = itemsOf(value, context.budget);
    return new Generator(
      items
        .filter((item) => {
          const key = folded(get(item), flag(b, 'case_sensitive'));
          const isNew = !seen.has(key);
          seen.set(key, true);
          return isNew;
        })
        [Symbol.iterator](),
    );
  },
  filesizeformat: (value, args) => {
    const isBinary = flag(bound('filesizeformat', args, 'binary'), 'binary');
    const base = isBinary ? 1024 : 1000;
    const number = asNumber(value);
    if (number === undefined)
      throw new TemplateFailure('TypeError', `filesizeformat needs a number, not ${typeName(value)}`);
    const bytes = Number(number);
    if (bytes === 1) return new Str('1 Byte');
    if (bytes < base) return new Str(`${Math.trunc(bytes)} Bytes`);
    const units = isBinary
      ? ['KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB', 'ZiB', 'YiB']
      : ['kB', 'MB', 'GB', 'TB', 'PB', 'EB', 'ZB', 'YB'];
    let power = 1;
    while (power < units.length && bytes >= base ** (power + 1)) power++;
    return new Str(`${(bytes / base ** power).toFixed(1)} ${units[power - 1]}`);
  },
};
