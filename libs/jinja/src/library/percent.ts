import { TemplateFailure } from '../error.js';
import type { Budget } from '../interpreter/budget.js';
import { reprValue, showValue } from '../values/show.js';
import { Str } from '../values/str.js';
import { Undefined } from '../values/undefined.js';
import { Dict, List, Tuple, typeName, type Value } from '../values/value.js';
import { numberText } from './number-text.js';

const CONVERSION = /%(?:\(([^()]*)\))?([-+ #0]*)(\*|\d+)?(?:\.(\*|\d+))?[hlL]?(.?)/gsu;

/** Python's `format % values`: the older way to format, of C's printf. */
export function formattedPercent(format: Str, given: Value, budget: Budget): Str {
  const values = given instanceof Tuple ? given.items : [given];
  let next = 0;
  const take = (): Value => {
    if (next >= values.length) throw new TemplateFailure('TypeError', 'not enough arguments for format string');
    return values[next++];
  };
  const size = (text: string | undefined): number | undefined => {
    if (text !== '*') return text === undefined ? undefined : Number(text);
    const value = take();
    if (typeof value !== 'bigint') throw new TemplateFailure('TypeError', '* wants int');
    return Number(value);
  };
  const parts: Str[] = [];
  let from = 0;
  for (const match of format.text.matchAll(CONVERSION)) {
    const [whole, key, flags, widthText, precisionText, type] = match;
    parts.push(format.slice(from, match.index));
    from = match.index + whole.length;
    if (type === '') throw new TemplateFailure('ValueError', 'incomplete format');
    const width = size(widthText) ?? 0;
    const precision = size(precisionText);
    if (type === '%') {
      parts.push(new Str('%'));
      continue;
    }
    const value = key === undefined ? take() : member(given, key);
    parts.push(padded(converted(value, type, flags, precision), width, flags, type, budget));
  }
  parts.push(format.slice(from));
  // What has its items by key, or could have, need not be used up.
  const isTaken =
    next >= values.length || (!(given instanceof Tuple) && (given instanceof Dict || given instanceof List));
  if (!isTaken) throw new TemplateFailure('TypeError', 'not all arguments converted during string formatting');
  return Str.join(parts).as(format.isMarkup);
}

function member(given: Value, key: string): Value {
  if (!(given instanceof Dict)) throw new TemplateFailure('TypeError', 'format requires a mapping');
  const value = given.getText(key);
  if (value === undefined) throw new TemplateFailure('KeyError', `'${key}'`);
  return value;
}

function converted(value: Value, type: string, flags: string, precision: number | undefined): Str {
  if (type === 's' || type === 'r' || type === 'a') {
    const text = type === 's' ? showValue(value) : reprValue(value);
    return precision === undefined ? text : text.slice(0, text.unitOf(Math.min(text.length, precision)));
  }
  if (type === 'c' && value instanceof Str) {
    if (value.length !== 1) throw new TemplateFailure('TypeError', '%c requires int or char');
    return value;
  }
  if (value instanceof Undefined) throw value.failure();
  const number = typeof value === 'boolean' ? (value ? 1n : 0n) : value;
  if (typeof number !== 'bigint' && typeof number !== 'number')
    throw new TemplateFailure('TypeError', `%${type} format: a real number is required, not ${typeName(value)}`);
  const isWhole = 'diu'.includes(type);
  if ('oxXc'.includes(type) && typeof number === 'number')
    throw new TemplateFailure('TypeError', `%${type} format: an integer is required, not float`);
  const sign = flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : undefined;
  if (!isWhole && !'oxXceEfFgG'.includes(type))
    throw new TemplateFailure('ValueError', `unsupported format character '${type}'`);
  if (isWhole && typeof number === 'number' && !Number.isFinite(number))
    throw new TemplateFailure('ValueError', 'cannot convert float infinity or NaN to integer');
  const plain = isWhole ? (typeof number === 'number' ? BigInt(Math.trunc(number)) : number) : number;
  const text = numberText(plain, {
    sign,
    isAlternate: flags.includes('#'),
    precision: isWhole ? undefined : precision,
    type: isWhole ? 'd' : type,
  });
  return new Str(
    isWhole && precision !== undefined ? text.replace(/\d+/, (digits) => digits.padStart(precision, '0')) : text,
  );
}

function padded(text: Str, width: number, flags: string, type: string, budget: Budget): Str {
  const missing = Math.max(0, Math.abs(width) - text.length);
  budget.text(missing);
  if (missing === 0) return text;
  if (flags.includes('-') || width < 0) return Str.join([text, new Str(' '.repeat(missing))]);
  const isNumber = !'sracr'.includes(type);
  if (!flags.includes('0') || !isNumber) return Str.join([new Str(' '.repeat(missing)), text]);
  const lead = /^[+\- ]?(?:0[xXob])?/.exec(text.text)?.[0].length ?? 0;
  return Str.join([text.slice(0, lead), new Str('0'.repeat(missing)), text.slice(lead)]);
}
