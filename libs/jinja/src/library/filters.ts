import { TemplateFailure } from '../error.js';
import { Bound } from '../interpreter/arguments.js';
import { asNumber, isTrue, itemsOf, sizeOf } from '../interpreter/operators.js';
import { jsonText } from '../values/json.js';
import { showValue } from '../values/show.js';
import { Str } from '../values/str.js';
import { Undefined } from '../values/undefined.js';
import { Dict, List, PyIterable, Tuple, typeName, type CallArguments, type Value } from '../values/value.js';
import type { Filter, FilterContext } from './context.js';
import { methodOf } from './methods.js';
import { SEQUENCE_FILTERS } from './sequence-filters.js';
import { escapedHtml, textOfHtml } from '../values/html.js';
import { Generator } from '../values/objects.js';
import { formattedPercent } from './percent.js';
import { prettyText } from './pretty.js';
import { indented, urlEncoded } from './text-filters.js';
import { wordWrapped } from './word-wrap.js';
import { stripped, upperFirst, upperFull } from './text.js';

const bound = (name: string, args: CallArguments, ...parameters: string[]): Bound => new Bound(name, parameters, args);
const soft = (value: Value): Str => showValue(value);

/** A filter that is a method of text: it works on what `str` makes of its value. */
function textMethod(name: string): Filter {
  return (value, args, context) => {
    const method = methodOf(soft(value), name, context.budget);
    if (method === undefined) throw new TemplateFailure('TypeError', `str has no method ${name}`);
    return context.call(method, args);
  };
}

function toInteger(value: Value, args: CallArguments): Value {
  const b = bound('int', args, 'default', 'base');
  const otherwise = b.value('default') ?? 0n;
  if (value instanceof Undefined) throw value.failure();
  const number = asNumber(value);
  if (typeof number === 'bigint') return number;
  if (typeof number === 'number') return Number.isFinite(number) ? BigInt(Math.trunc(number)) : otherwise;
  if (!(value instanceof Str)) return otherwise;
  const text = asciiDigits(value.text.trim());
  const whole = integerOf(text, b.integer('base', 10));
  if (whole !== undefined) return whole;
  const float = floatOf(text);
  return float === undefined || !Number.isFinite(float) ? otherwise : BigInt(Math.trunc(float));
}

/** Digits of an integer that are read: reading takes the square of their number. */
const MAX_DIGITS = 4000;
const PREFIXES: Readonly<Record<string, number>> = { '0x': 16, '0o': 8, '0b': 2 };

/** As Python's `int(text, base)`; undefined for what is none. */
function integerOf(text: string, base: number): bigint | undefined {
  const match = /^([+-]?)(0[xXoObB])?([\da-zA-Z]+(?:_[\da-zA-Z]+)*)$/.exec(text);
  if (match === null || text.length > MAX_DIGITS || base < 0 || base === 1 || base > 36) return undefined;
  const [, sign, prefix = '', digits] = match;
  const own = PREFIXES[prefix.toLowerCase()];
  const isPrefixed = own !== undefined && (base === 0 || base === own);
  const radix = BigInt(base === 0 ? (own ?? 10) : base);
  const plain = (isPrefixed ? digits : prefix + digits).replaceAll('_', '').toLowerCase();
  if (base === 0 && own === undefined && /^0+[1-9]/.test(plain)) return undefined;
  let value = 0n;
  for (const digit of plain) {
    const worth = BigInt(Number.parseInt(digit, 36));
    if (worth >= radix) return undefined;
    value = value * radix + worth;
  }
  return sign === '-' ? -value : value;
}

/** Digits of other scripts as those of ASCII: their blocks begin with their zero. */
function asciiDigits(text: string): string {
  return text.replace(/(?![0-9])\p{Nd}/gu, (digit) => {
    const code = digit.codePointAt(0) ?? 0;
    let zero = code;
    while (zero > code - 60 && /\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero--;
    return String((code - zero) % 10);
  });
}

function floatOf(text: string): number | undefined {
  const plain = asciiDigits(text.trim())
    .toLowerCase()
    .replaceAll(/(?<=\d)_(?=\d)/g, '');
  if (/^[+-]?(inf|infinity)$/.test(plain)) return plain.startsWith('-') ? -Infinity : Infinity;
  if (/^[+-]?nan$/.test(plain)) return NaN;
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(plain) ? Number(plain) : undefined;
}

function rounded(value: Value, args: CallArguments): Value {
  const b = bound('round', args, 'precision', 'method');
  const method = b.optionalText('method')?.text ?? 'common';
  if (!['common', 'ceil', 'floor'].includes(method))
    throw new TemplateFailure('ValueError', 'method must be common, ceil or floor');
  const number = asNumber(value);
  if (number === undefined)
    throw new TemplateFailure('TypeError', `type ${typeName(value)} doesn't define __round__ method`);
  const precision = b.integer('precision', 0);
  if (precision < 0 && method === 'common') return roundedTens(number, BigInt(Math.min(400, -precision)));
  const scale = 10 ** precision;
  const scaled = Number(number) * scale;
  if (method === 'ceil') return Math.ceil(scaled) / scale;
  if (method === 'floor') return Math.floor(scaled) / scale;
  // Python rounds halves to even, by the number's exact value.
  const floor = Math.floor(scaled);
  const half = Math.abs(scaled - floor - 0.5) < Number.EPSILON;
  const whole =
    half && precision === 0
      ? floor % 2 === 0
        ? floor
        : floor + 1
      : Number(Number(number).toFixed(Math.max(0, Math.min(100, precision)))) * scale;
  return typeof number === 'bigint'
    ? number
    : precision === 0
      ? whole
      : Number(Number(number).toFixed(Math.max(0, Math.min(100, precision))));
}

/** To tens, hundreds and so on; halves go to the even one. */
function roundedTens(number: bigint | number, power: bigint): bigint | number {
  if (typeof number === 'number' && !Number.isFinite(number)) return number;
  const unit = 10n ** power;
  const whole = typeof number === 'bigint' ? number : BigInt(Math.trunc(number));
  const hasRest = typeof number === 'number' && number !== Math.trunc(number);
  const magnitude = whole < 0n ? -whole : whole;
  const down = (magnitude / unit) * unit;
  const twice = 2n * (magnitude - down);
  const isUp = twice > unit || (twice === unit && (hasRest || (down / unit) % 2n === 1n));
  const result = (isUp ? down + unit : down) * (whole < 0n ? -1n : 1n);
  return typeof number === 'bigint' ? result : Number(result);
}

function json(value: Value, args: CallArguments): Value {
  const b = bound('tojson', args, 'ensure_ascii', 'indent', 'separators', 'sort_keys');
  const indent = b.value('indent');
  const spaces =
    indent === undefined || indent === null
      ? undefined
      : indent instanceof Str
        ? indent.text
        : ' '.repeat(Math.min(64, Math.max(0, b.integer('indent', 0))));
  const separators = b.value('separators');
  const [item, key] =
    separators instanceof Tuple || separators instanceof List
      ? separators.items.map((one) => soft(one))
      : [new Str(spaces === undefined ? ', ' : ','), new Str(': ')];
  return jsonText(value, {
    indent: spaces,
    itemSeparator: item,
    keySeparator: key,
    sortKeys: b.has('sort_keys') && isTrue(b.required('sort_keys')),
    ensureAscii: b.has('ensure_ascii') && isTrue(b.required('ensure_ascii')),
  });
}

function defaultOf(value: Value, args: CallArguments): Value {
  const b = bound('default', args, 'default_value', 'boolean');
  const otherwise = b.has('default_value') ? b.required('default_value') : new Str('');
  return value instanceof Undefined || (b.has('boolean') && isTrue(b.required('boolean')) && !isTrue(value))
    ? otherwise
    : value;
}

function lengthOf(value: Value): Value {
  return BigInt(sizeOf(value));
}

function pairsOf(value: Value): Value {
  if (value instanceof Undefined) return new Generator([][Symbol.iterator]());
  if (!(value instanceof Dict)) throw new TemplateFailure('TypeError', 'Can only get item pairs from a mapping.');
  return new Generator(Array.from(value.pairs(), ([key, item]) => new Tuple([key, item]))[Symbol.iterator]());
}

/** Attributes alone: the items of a mapping are none. */
function attributeFilter(value: Value, args: CallArguments, context: FilterContext): Value {
  const { text } = bound('attr', args, 'name').text('name');
  return value instanceof Dict
    ? new Undefined(`'dict object' has no attribute '${text}'`)
    : context.attribute(value, text);
}

interface Truncation {
  readonly length: number;
  readonly killsWords: boolean;
  readonly end: Str;
  readonly leeway: number;
}

function truncated(value: Value, { length, killsWords, end, leeway }: Truncation): Value {
  if (length < end.length) throw new TemplateFailure('ValueError', `expected length >= ${end.length}, got ${length}`);
  if (leeway < 0) throw new TemplateFailure('ValueError', `expected leeway >= 0, got ${leeway}`);
  if (sizeOf(value) <= length + leeway) return value;
  if (!(value instanceof Str)) throw new TemplateFailure('TypeError', `truncate needs a text, not ${typeName(value)}`);
  const kept = value.slice(0, value.unitOf(length - end.length));
  const space = killsWords ? -1 : kept.text.lastIndexOf(' ');
  return Str.join([space < 0 ? kept : kept.slice(0, space), end]);
}

/** Attributes of HTML from a mapping; what is not there, and None, has none. */
function htmlAttributes(value: Value, args: CallArguments): Value {
  const b = bound('xmlattr', args, 'autospace');
  if (!(value instanceof Dict))
    throw new TemplateFailure('TypeError', `xmlattr needs a mapping, not ${typeName(value)}`);
  const parts = Array.from(value.pairs()).flatMap(([key, item]) => {
    if (item === null || item instanceof Undefined) return [];
    const name = soft(key);
    if (/[\s/>=]/.test(name.text))
      throw new TemplateFailure('ValueError', `Invalid character in attribute name: ${name.text}`);
    return [Str.join([escapedHtml(name), new Str('="'), escapedHtml(soft(item)), new Str('"')])];
  });
  const text = Str.join(parts.flatMap((part, i) => (i === 0 ? [part] : [new Str(' '), part])));
  const hasSpace = !b.has('autospace') || isTrue(b.required('autospace'));
  return hasSpace && text.text !== '' ? Str.join([new Str(' '), text]) : text;
}

/** Jinja's filters, by name. Those that work on items stand in `sequence-filters`. */
export const FILTERS: Readonly<Record<string, Filter>> = {
  ...SEQUENCE_FILTERS,
  abs: (value) => {
    const number = asNumber(value);
    if (value instanceof Undefined) throw value.failure();
    if (number === undefined)
      throw new TemplateFailure('TypeError', `bad operand type for abs(): '${typeName(value)}'`);
    return number < 0 ? -number : number;
  },
  attr: attributeFilter,
  capitalize: (value) => soft(value).mapText((text) => upperFirst(text.toLowerCase())),
  center: (value, args, context) =>
    textMethod('center')(
      value,
      args.positional.length + args.named.size === 0 ? { positional: [80n], named: new Map() } : args,
      context,
    ),
  count: lengthOf,
  length: lengthOf,
  d: defaultOf,
  default: defaultOf,
  e: (value) => escapedHtml(soft(value)),
  escape: (value) => escapedHtml(soft(value)),
  forceescape: (value) => escapedHtml(soft(value).plain()),
  float: (value, args) => {
    const otherwise = bound('float', args, 'default').value('default') ?? 0;
    if (value instanceof Undefined) throw value.failure();
    const number = asNumber(value);
    if (number !== undefined) return Number(number);
    return (value instanceof Str ? floatOf(value.text) : undefined) ?? otherwise;
  },
  format: (value, { positional, named }, context) => {
    if (named.size > 0 && positional.length > 0)
      throw new TemplateFailure('TypeError', "can't handle positional and keyword arguments at the same time");
    const values =
      named.size > 0
        ? new Dict(Array.from(named, ([name, one]) => [new Str(name), one] as const))
        : new Tuple(positional);
    return formattedPercent(soft(value), values, context.budget);
  },
  indent: (value, args, { budget }) => {
    const b = bound('indent', args, 'width', 'first', 'blank');
    const width = b.value('width');
    const pad = width instanceof Str ? width : new Str(' '.repeat(Math.min(1000, Math.max(0, b.integer('width', 4)))));
    if (!(value instanceof Str)) throw new TemplateFailure('TypeError', `indent needs a text, not ${typeName(value)}`);
    const text = indented(
      value,
      pad,
      b.has('first') && isTrue(b.required('first')),
      b.has('blank') && isTrue(b.required('blank')),
    );
    budget.text(text.text.length);
    return text;
  },
  int: toInteger,
  items: pairsOf,
  lower: (value) => soft(value).mapText((text) => text.toLowerCase()),
  upper: (value) => soft(value).mapText((text) => text.toUpperCase()),
  // Unlike the method of that name, words end at white space and opening brackets alone.
  title: (value) => soft(value).mapText((text) => text.replaceAll(/[^-\s({[<]+/g, (word) => upperFull(word))),
  trim: (value, args) => stripped(soft(value), 'both', bound('trim', args, 'chars').optionalText('chars')?.text),
  replace: (value, args, context) => textMethod('replace')(value, args, context),
  round: rounded,
  safe: (value) => soft(value).as(true),
  string: (value) => soft(value),
  pprint: (value) => prettyText(value),
  striptags: (value) => textOfHtml(soft(value)),
  tojson: json,
  truncate: (value, args) => {
    const b = bound('truncate', args, 'length', 'killwords', 'end', 'leeway');
    return truncated(value, {
      length: b.integer('length', 255),
      killsWords: b.has('killwords') && isTrue(b.required('killwords')),
      end: b.optionalText('end') ?? new Str('...'),
      leeway: b.integer('leeway', 5),
    });
  },
  xmlattr: htmlAttributes,
  urlencode: (value, _args, { budget }) => {
    if (
      value instanceof Str ||
      !(value instanceof Dict || value instanceof List || value instanceof Tuple || value instanceof PyIterable)
    )
      return urlEncoded(soft(value), false);
    const pairs =
      value instanceof Dict ? Array.from(value.pairs()) : itemsOf(value, budget).map((item) => itemsOf(item, budget));
    return Str.join(
      pairs.flatMap(([key, item], i) => [
        new Str(i > 0 ? '&' : ''),
        urlEncoded(soft(key), true),
        new Str('='),
        urlEncoded(soft(item), true),
      ]),
    );
  },
  wordcount: (value) => BigInt(soft(value).text.match(/[\p{L}\p{N}_]+/gu)?.length ?? 0),
  wordwrap: (value, args) => {
    const b = bound('wordwrap', args, 'width', 'break_long_words', 'wrapstring', 'break_on_hyphens');
    if (!(value instanceof Str))
      throw new TemplateFailure('TypeError', `wordwrap needs a text, not ${typeName(value)}`);
    const isOn = (name: string): boolean => !b.has(name) || isTrue(b.required(name));
    return wordWrapped(value, {
      width: b.integer('width', 79),
      breaksWords: isOn('break_long_words'),
      breaksOnHyphens: isOn('break_on_hyphens'),
      wrap: b.optionalText('wrapstring') ?? new Str('\n'),
    });
  },
};
