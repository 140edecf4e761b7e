import { TemplateFailure } from '../error.js';
import { Bound } from '../interpreter/arguments.js';
import type { Budget } from '../interpreter/budget.js';
import { areEqual, asNumber, isTrue, itemsOf, order } from '../interpreter/operators.js';
import { DictView, NativeFunction } from '../values/objects.js';
import { showValue } from '../values/show.js';
import { Str } from '../values/str.js';
import { Dict, List, Tuple, typeName, type CallArguments, type Value } from '../values/value.js';
import { formatted } from './format.js';
import {
  caseFolded,
  countOf,
  linesOf,
  splitAt,
  splitAtRight,
  splitWords,
  splitWordsRight,
  stripped,
  titled,
  upperFirst,
} from './text.js';

type Method<T> = (self: T, args: CallArguments, budget: Budget) => Value;

const big = (value: number): bigint => BigInt(value);
const bound = (name: string, args: CallArguments, ...parameters: string[]): Bound => new Bound(name, parameters, args);

/** The slice of a text that `find` and its like look at, and where it begins. */
function window(self: Str, b: Bound): { readonly text: string; readonly from: number } {
  const { length } = self;
  const place = (value: number): number => Math.min(length, Math.max(0, value < 0 ? value + length : value));
  const from = self.unitOf(place(b.integer('start', 0)));
  const to = self.unitOf(place(b.integer('end', length)));
  return { text: self.text.slice(from, Math.max(from, to)), from };
}

function found(name: 'find' | 'rfind' | 'index' | 'rindex'): Method<Str> {
  return (self, args) => {
    const b = bound(name, args, 'sub', 'start', 'end');
    const { text, from } = window(self, b);
    const wanted = b.text('sub').text;
    const at = name.startsWith('r') ? text.lastIndexOf(wanted) : text.indexOf(wanted);
    if (at < 0 && name.endsWith('index')) throw new TemplateFailure('ValueError', 'substring not found');
    return at < 0 ? -1n : big(self.codePointOf(from + at));
  };
}

function affix(name: 'startswith' | 'endswith'): Method<Str> {
  return (self, args) => {
    const b = bound(name, args, 'affix', 'start', 'end');
    const { text } = window(self, b);
    const wanted = b.required('affix');
    const options = wanted instanceof Tuple ? wanted.items : [wanted];
    return options.some((one) => {
      if (!(one instanceof Str))
        throw new TemplateFailure('TypeError', `${name} first arg must be str or a tuple of str, not ${typeName(one)}`);
      return name === 'startswith' ? text.startsWith(one.text) : text.endsWith(one.text);
    });
  };
}

function padded(name: string, side: 'left' | 'right' | 'both'): Method<Str> {
  return (self, args, budget) => {
    const b = bound(name, args, 'width', 'fillchar');
    const fill = b.optionalText('fillchar')?.text ?? ' ';
    const missing = Math.max(0, b.integer('width', 0) - self.length);
    budget.text(missing);
    // Python puts the odd one to the left of an even width.
    const left =
      side === 'left'
        ? missing
        : side === 'right'
          ? 0
          : Math.floor(missing / 2) + (missing & (self.length + missing) & 1);
    return Str.join([new Str(fill.repeat(left)), self, new Str(fill.repeat(missing - left))]);
  };
}

const every =
  (pattern: RegExp): Method<Str> =>
  (self) =>
    self.text !== '' && pattern.test(self.text);

function partitioned(isRight: boolean): Method<Str> {
  return (self, args) => {
    const separator = bound('partition', args, 'sep').text('sep').text;
    if (separator === '') throw new TemplateFailure('ValueError', 'empty separator');
    const at = isRight ? self.text.lastIndexOf(separator) : self.text.indexOf(separator);
    if (at < 0) return new Tuple(isRight ? [new Str(''), new Str(''), self] : [self, new Str(''), new Str('')]);
    return new Tuple([self.slice(0, at), self.slice(at, at + separator.length), self.slice(at + separator.length)]);
  };
}

function split(isRight: boolean): Method<Str> {
  return (self, args, budget) => {
    const b = bound('split', args, 'sep', 'maxsplit');
    const given = b.integer('maxsplit', -1);
    const limit = given < 0 ? Infinity : given;
    const separator = b.optionalText('sep')?.text;
    if (separator === '') throw new TemplateFailure('ValueError', 'empty separator');
    if (separator !== undefined) budget.spend(countOf(self.text, separator, limit));
    const words = isRight ? splitWordsRight : splitWords;
    const parts =
      separator === undefined ? words(self, limit) : (isRight ? splitAtRight : splitAt)(self, separator, limit);
    budget.spend(parts.length);
    return new List(parts);
  };
}

function replaced(self: Str, args: CallArguments, budget: Budget): Value {
  const b = bound('replace', args, 'old', 'new', 'count');
  const given = b.integer('count', -1);
  const old = b.text('old').text;
  const next = b.text('new');
  const limit = given < 0 ? Infinity : given;
  if (old === '') {
    budget.text((1 + next.text.length) * self.text.length);
    budget.spend(self.text.length);
    const chars = self.chars();
    const parts = chars.flatMap((char, i) => (i < limit ? [next, char] : [char]));
    return Str.join(chars.length < limit ? [...parts, next] : parts);
  }
  const count = countOf(self.text, old, limit);
  budget.text(self.text.length + count * next.text.length);
  const whole = limit === Infinity ? self.replacedAll(old, next) : undefined;
  if (whole !== undefined) return whole;
  budget.spend(count);
  const parts = splitAt(self, old, limit);
  return Str.join(parts.flatMap((part, i) => (i === 0 ? [part] : [next, part])));
}

/** Methods of Python's str. */
const TEXT: Readonly<Record<string, Method<Str>>> = {
  upper: (self) => self.mapText((text) => text.toUpperCase()),
  lower: (self) => self.mapText((text) => text.toLowerCase()),
  casefold: (self) => self.mapText(caseFolded),
  swapcase: (self) =>
    self.mapText((text) =>
      Array.from(text, (char) => (char === char.toLowerCase() ? char.toUpperCase() : char.toLowerCase())).join(''),
    ),
  capitalize: (self) => self.mapText((text) => upperFirst(text.toLowerCase())),
  title: (self) => self.mapText(titled),
  strip: (self, args) => stripped(self, 'both', bound('strip', args, 'chars').optionalText('chars')?.text),
  lstrip: (self, args) => stripped(self, 'left', bound('lstrip', args, 'chars').optionalText('chars')?.text),
  rstrip: (self, args) => stripped(self, 'right', bound('rstrip', args, 'chars').optionalText('chars')?.text),
  split: split(false),
  rsplit: split(true),
  splitlines: (self, args) => new List(linesOf(self, bound('splitlines', args, 'keepends').value('keepends') === true)),
  startswith: affix('startswith'),
  endswith: affix('endswith'),
  find: found('find'),
  rfind: found('rfind'),
  index: found('index'),
  rindex: found('rindex'),
  count: (self, args) => {
    const b = bound('count', args, 'sub', 'start', 'end');
    const wanted = b.text('sub').text;
    const { text } = window(self, b);
    return big(wanted === '' ? new Str(text).length + 1 : countOf(text, wanted, Infinity));
  },
  replace: replaced,
  join: (self, args, budget) => {
    const items = itemsOf(bound('join', args, 'iterable').required('iterable'), budget);
    const parts = items.flatMap((item, i) => {
      if (!(item instanceof Str))
        throw new TemplateFailure('TypeError', `sequence item ${i}: expected str instance, ${typeName(item)} found`);
      return i === 0 ? [item] : [self, item];
    });
    budget.text(parts.reduce((sum, part) => sum + part.text.length, 0));
    return Str.join(parts);
  },
  format: (self, args, budget) => formatted(self, args, budget),
  format_map: (self, args, budget) => {
    const mapping = bound('format_map', args, 'mapping').required('mapping');
    if (!(mapping instanceof Dict))
      throw new TemplateFailure('TypeError', `format_map needs a mapping, not ${typeName(mapping)}`);
    return formatted(
      self,
      {
        positional: [],
        named: new Map(Array.from(mapping.pairs(), ([key, value]) => [showValue(key).text, value] as const)),
      },
      budget,
    );
  },
  translate: (self, args, budget) => {
    const table = bound('translate', args, 'table').required('table');
    if (!(table instanceof Dict))
      throw new TemplateFailure('TypeError', `translate needs a mapping, not ${typeName(table)}`);
    const parts = self.chars().flatMap((char) => {
      const other = table.get(big(char.text.codePointAt(0) ?? 0));
      if (other === undefined) return [char];
      if (other === null) return [];
      return other instanceof Str ? [other] : [char.withText(String.fromCodePoint(Number(asNumber(other) ?? 0xfffd)))];
    });
    budget.text(parts.reduce((sum, part) => sum + part.text.length, 0));
    return Str.join(parts);
  },
  partition: partitioned(false),
  rpartition: partitioned(true),
  removeprefix: (self, args) => {
    const prefix = bound('removeprefix', args, 'prefix').text('prefix').text;
    return self.text.startsWith(prefix) ? self.slice(prefix.length) : self;
  },
  removesuffix: (self, args) => {
    const suffix = bound('removesuffix', args, 'suffix').text('suffix').text;
    return suffix !== '' && self.text.endsWith(suffix) ? self.slice(0, self.text.length - suffix.length) : self;
  },
  ljust: padded('ljust', 'right'),
  rjust: padded('rjust', 'left'),
  center: padded('center', 'both'),
  zfill: (self, args, budget) => {
    const missing = Math.max(0, bound('zfill', args, 'width').integer('width', 0) - self.length);
    budget.text(missing);
    const sign = /^[+-]/.test(self.text) ? 1 : 0;
    return Str.join([self.slice(0, sign), new Str('0'.repeat(missing)), self.slice(sign)]);
  },
  expandtabs: (self, args, budget) => {
    const width = bound('expandtabs', args, 'tabsize').integer('tabsize', 8);
    let column = 0;
    const parts = self.chars().map((char) => {
      const step = char.text === '\t' ? (width > 0 ? width - (column % width) : 0) : 1;
      column = /[\r\n]/.test(char.text) ? 0 : column + step;
      return char.text === '\t' ? char.withText(' '.repeat(step)) : char;
    });
    budget.text(column);
    return Str.join(parts);
  },
  isdigit: every(/^[\p{Nd}²³¹⁰⁴-⁹₀-₉]+$/u),
  isdecimal: every(/^\p{Nd}+$/u),
  isnumeric: every(/^\p{N}+$/u),
  isalpha: every(/^\p{L}+$/u),
  isalnum: every(/^[\p{L}\p{N}]+$/u),
  isspace: every(/^[\s\u001c-\u001f\u0085]+$/),
  isprintable: (self) => !/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u.test(self.text),
  isascii: (self) => /^[\0-\x7f]*$/.test(self.text),
  isidentifier: every(/^[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}]*$/u),
  isupper: (self) => /\p{Lu}/u.test(self.text) && self.text === self.text.toUpperCase(),
  islower: (self) => /\p{Ll}/u.test(self.text) && self.text === self.text.toLowerCase(),
  istitle: (self) => /\p{L}/u.test(self.text) && self.text === titled(self.text),
};

const LIST: Readonly<Record<string, Method<List | Tuple>>> = {
  count: (self, args) =>
    big(self.items.filter((item) => areEqual(item, bound('count', args, 'value').required('value'))).length),
  index: (self, args) => {
    const b = bound('index', args, 'value', 'start', 'stop');
    const wanted = b.required('value');
    const at = self.items.findIndex(
      (item, i) => i >= b.integer('start', 0) && i < b.integer('stop', self.items.length) && areEqual(item, wanted),
    );
    if (at < 0) throw new TemplateFailure('ValueError', `${showValue(wanted).text} is not in list`);
    return big(at);
  },
};

const DICT: Readonly<Record<string, Method<Dict>>> = {
  items: (self) => new DictView(self, 'items'),
  keys: (self) => new DictView(self, 'keys'),
  values: (self) => new DictView(self, 'values'),
  get: (self, args) => {
    const b = bound('get', args, 'key', 'default');
    const found = self.get(b.required('key'));
    return found === undefined ? (b.value('default') ?? null) : found;
  },
  copy: (self) => self.copy(),
  fromkeys: (_, args, budget) => {
    const b = bound('fromkeys', args, 'iterable', 'value');
    return new Dict(itemsOf(b.required('iterable'), budget).map((key) => [key, b.value('value') ?? null] as const));
  },
};

/** Methods that change a list. It is the rendering's own: values of the caller are copied when they are given. */
const LIST_CHANGES: Readonly<Record<string, Method<List>>> = {
  append: (self, args) => changed(() => self.items.push(bound('append', args, 'object').required('object'))),
  extend: (self, args, budget) =>
    changed(() => {
      for (const item of itemsOf(bound('extend', args, 'iterable').required('iterable'), budget)) self.items.push(item);
    }),
  insert: (self, args) => {
    const b = bound('insert', args, 'index', 'object');
    return changed(() => self.items.splice(b.integer('index', 0), 0, b.required('object')));
  },
  pop: (self, args) => {
    const at = bound('pop', args, 'index').integer('index', -1);
    const [item] = self.items.splice(at, 1);
    if (item === undefined)
      throw new TemplateFailure(
        'IndexError',
        self.items.length === 0 ? 'pop from empty list' : 'pop index out of range',
      );
    return item;
  },
  remove: (self, args) => {
    const wanted = bound('remove', args, 'value').required('value');
    const at = self.items.findIndex((item) => areEqual(item, wanted));
    if (at < 0) throw new TemplateFailure('ValueError', 'list.remove(x): x not in list');
    return changed(() => self.items.splice(at, 1));
  },
  clear: (self) => changed(() => self.items.splice(0)),
  reverse: (self, _args, budget) => {
    budget.spend(self.items.length);
    return changed(() => self.items.reverse());
  },
  sort: (self, args) => {
    const b = bound('sort', args, 'key', 'reverse');
    if ((b.value('key') ?? null) !== null)
      throw new TemplateFailure('TypeError', 'list.sort() with a key is not supported: use the filter sort');
    const isReversed = b.has('reverse') && isTrue(b.required('reverse'));
    return changed(() => self.items.sort((x, y) => (isReversed ? order(y, x) : order(x, y))));
  },
  copy: (self, _args, budget) => {
    budget.spend(self.items.length);
    return new List([...self.items]);
  },
};

const DICT_CHANGES: Readonly<Record<string, Method<Dict>>> = {
  pop: (self, args) => {
    const b = bound('pop', args, 'key', 'default');
    const key = b.required('key');
    const found = self.get(key);
    if (found === undefined && !b.has('default')) throw new TemplateFailure('KeyError', showValue(key).text);
    self.delete(key);
    return found === undefined ? b.required('default') : found;
  },
  setdefault: (self, args) => {
    const b = bound('setdefault', args, 'key', 'default');
    const found = self.get(b.required('key'));
    if (found !== undefined) return found;
    self.set(b.required('key'), b.value('default') ?? null);
    return b.value('default') ?? null;
  },
  update: (self, args) => {
    const [other] = args.positional;
    if (other !== undefined && !(other instanceof Dict))
      throw new TemplateFailure('TypeError', `update needs a mapping, not ${typeName(other)}`);
    return changed(() => {
      for (const [key, value] of other?.pairs() ?? []) self.set(key, value);
      for (const [key, value] of args.named) self.set(new Str(key), value);
    });
  },
  popitem: (self, _args, budget) => {
    budget.spend(self.size);
    const last = Array.from(self.pairs()).at(-1);
    if (last === undefined) throw new TemplateFailure('KeyError', "'popitem(): dictionary is empty'");
    self.delete(last[0]);
    return new Tuple(last);
  },
  clear: (self) => changed(() => self.clear()),
};

function changed(change: () => unknown): null {
  change();
  return null;
}

/** The method of a value, bound to it; undefined if it has none of that name. */
export function methodOf(value: Value, name: string, budget: Budget): Value | undefined {
  if (value instanceof Str) return bind(value, name, TEXT, budget);
  if (value instanceof Dict) return bind(value, name, DICT, budget) ?? bind(value, name, DICT_CHANGES, budget);
  if (value instanceof List) return bind(value, name, LIST, budget) ?? bind(value, name, LIST_CHANGES, budget);
  return value instanceof Tuple ? bind(value, name, LIST, budget) : undefined;
}

function bind<T>(
  self: T,
  name: string,
  methods: Readonly<Record<string, Method<T>>>,
  budget: Budget,
): Value | undefined {
  if (!Object.hasOwn(methods, name)) return undefined;
  return new NativeFunction(name, (args) => {
    budget.spend();
    if (self instanceof Str) budget.read(self);
    return methods[name](self, args, budget);
  });
}
