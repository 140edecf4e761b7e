import { TemplateFailure } from '../error.js';
import { floatText } from './show.js';
import { Str } from './str.js';
import { Undefined } from './undefined.js';
import { Dict, List, Tuple, typeName, type Value } from './value.js';
import { visitForCopy, Written } from './walk.js';

export interface JsonOptions {
  readonly indent?: string;
  readonly itemSeparator: Str;
  readonly keySeparator: Str;
  readonly sortKeys: boolean;
  readonly ensureAscii: boolean;
}

/** Python's `json.dumps`, with the origin of each text kept. */
export function jsonText(value: Value, options: JsonOptions, depth = 0, written = new Written()): Str {
  visitForCopy(depth);
  if (value === null) return plain('null', written);
  if (typeof value === 'boolean' || typeof value === 'bigint') return plain(String(value), written);
  if (typeof value === 'number') return plain(jsonFloat(value), written);
  if (value instanceof Str) return quoted(value, options, written);
  if (value instanceof List || value instanceof Tuple)
    return block(
      '[',
      value.items.map((item) => jsonText(item, options, depth + 1, written)),
      ']',
      options,
      depth,
      written,
    );
  if (value instanceof Dict) {
    const pairs = Array.from(value.pairs(), ([key, item]) => [keyText(key), item] as const);
    if (
      options.sortKeys &&
      new Set(Array.from(value.pairs(), ([key]) => (key instanceof Str ? 'str' : key === null ? 'none' : 'number')))
        .size > 1
    )
      throw new TemplateFailure('TypeError', 'keys of several types have no order');
    if (options.sortKeys) pairs.sort(([a], [b]) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0));
    const members = pairs.map(([key, item]) => {
      written.add(options.keySeparator.text.length);
      return Str.join([
        quoted(key, options, written),
        options.keySeparator,
        jsonText(item, options, depth + 1, written),
      ]);
    });
    return block('{', members, '}', options, depth, written);
  }
  if (value instanceof Undefined)
    throw new TemplateFailure('TypeError', 'Object of type Undefined is not JSON serializable');
  throw new TemplateFailure('TypeError', `Object of type ${typeName(value)} is not JSON serializable`);
}

function plain(text: string, written: Written): Str {
  written.add(text.length);
  return new Str(text);
}

function keyText(key: Value): Str {
  if (key instanceof Str) return key;
  if (key === null) return new Str('null');
  if (typeof key === 'boolean' || typeof key === 'bigint') return new Str(String(key));
  if (typeof key === 'number') return new Str(jsonFloat(key));
  throw new TemplateFailure('TypeError', `keys must be str, int, float, bool or None, not ${typeName(key)}`);
}

function jsonFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  return Number.isFinite(value) ? floatText(value) : value > 0 ? 'Infinity' : '-Infinity';
}

const SHORT: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\b': '\\b',
  '\f': '\\f',
};
const escapedUnit = (char: string): string => SHORT[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;

function quoted(text: Str, { ensureAscii }: JsonOptions, written: Written): Str {
  written.add(text.text.length + 2);
  const pattern = ensureAscii ? /["\\]|[^ -~]/g : /["\\\u0000-\u001f]/g;
  const inside = text.plain().replaceEach(pattern, escapedUnit);
  written.add(inside.text.length - text.text.length);
  return Str.join([new Str('"'), inside, new Str('"')]);
}

function block(
  open: string,
  items: readonly Str[],
  close: string,
  { indent, itemSeparator }: JsonOptions,
  depth: number,
  written: Written,
): Str {
  const margin = indent === undefined ? 0 : 1 + indent.length * (depth + 1);
  written.add(2 + items.length * (margin + itemSeparator.text.length));
  if (items.length === 0) return new Str(open + close);
  const line = indent === undefined ? '' : `\n${indent.repeat(depth + 1)}`;
  const parts: Str[] = [new Str(open + line)];
  items.forEach((item, i) => {
    if (i > 0) parts.push(itemSeparator, new Str(line));
    parts.push(item);
  });
  parts.push(new Str((indent === undefined ? '' : `\n${indent.repeat(depth)}`) + close));
  return Str.join(parts);
}
