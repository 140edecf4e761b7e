import { Str } from './str.js';
import { DictView, Namespace } from './objects.js';
import { Undefined } from './undefined.js';
import { Dict, List, PyObject, Tuple, type Value } from './value.js';
import { visitForCopy, Written } from './walk.js';

/** Python's `str(value)`, with the origin of each piece kept. */
export function showValue(value: Value): Str {
  if (value instanceof Undefined) return new Str('');
  return value instanceof Str ? value : reprValue(value);
}

/** Python's `repr(value)`. */
export function reprValue(value: Value, depth = 0, written = new Written()): Str {
  visitForCopy(depth);
  if (value === null) return plain('None', written);
  if (typeof value === 'boolean') return plain(value ? 'True' : 'False', written);
  if (typeof value === 'bigint') return plain(String(value), written);
  if (typeof value === 'number') return plain(floatText(value), written);
  if (value instanceof Str) return reprText(value, written);
  if (value instanceof List)
    return bracketed(
      '[',
      value.items.map((item) => reprValue(item, depth + 1, written)),
      ']',
      written,
    );
  if (value instanceof Tuple)
    return bracketed(
      '(',
      value.items.map((item) => reprValue(item, depth + 1, written)),
      value.items.length === 1 ? ',)' : ')',
      written,
    );
  if (value instanceof Dict) {
    const pairs = Array.from(value.pairs(), ([key, item]) =>
      Str.join([reprValue(key, depth + 1, written), new Str(': '), reprValue(item, depth + 1, written)]),
    );
    return bracketed('{', pairs, '}', written);
  }
  if (value instanceof DictView)
    return Str.join([
      new Str(`${value.typeName}(`),
      bracketed(
        '[',
        value.list().map((item) => reprValue(item, depth + 1, written)),
        ']',
        written,
      ),
      new Str(')'),
    ]);
  if (value instanceof Namespace)
    return Str.join([new Str('<Namespace '), reprValue(value.dict(), depth + 1, written), new Str('>')]);
  return value instanceof PyObject ? plain(value.show(), written) : new Str('');
}

function plain(text: string, written: Written): Str {
  written.add(text.length);
  return new Str(text);
}

function bracketed(open: string, items: readonly Str[], close: string, written: Written): Str {
  written.add(open.length + close.length + 2 * items.length);
  return Str.join([
    new Str(open),
    ...items.flatMap((item, i) => (i === 0 ? [item] : [new Str(', '), item])),
    new Str(close),
  ]);
}

const UNPRINTABLE = /[\\\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;
const NAMED: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Single quotes, unless the text has those and no double ones. */
function reprText(value: Str, written: Written): Str {
  written.add(value.text.length + 2);
  const quote = value.text.includes("'") && !value.text.includes('"') ? '"' : "'";
  let inside = value.plain().replaceEach(UNPRINTABLE, escaped);
  if (quote === "'" && value.text.includes("'")) inside = inside.replaceEach(/'/g, () => "\\'");
  written.add(inside.text.length - value.text.length);
  return Str.join([new Str(quote), inside, new Str(quote)]);
}

function escaped(char: string): string {
  const named = NAMED[char];
  if (named !== undefined) return named;
  const code = char.codePointAt(0) ?? 0;
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`;
}

/** Python's `repr` of a float: always with a point or an exponent; exponents of two digits, from 1e16 up and below 1e-4. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0.0';
  const magnitude = Math.abs(value);
  if (magnitude !== 0 && (magnitude < 1e-4 || magnitude >= 1e16)) {
    const [digits, exponent] = value.toExponential().split('e');
    const power = Number(exponent);
    return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
  }
  const text = String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}
