import { TemplateFailure } from '../error.js';
import type { Budget } from '../interpreter/budget.js';
import { asNumber } from '../interpreter/operators.js';
import { reprValue, showValue } from '../values/show.js';
import { Str } from '../values/str.js';
import { Undefined } from '../values/undefined.js';
import { typeName, type CallArguments, type Value } from '../values/value.js';
import { numberText } from './number-text.js';

/** A field's name, conversion and specification, in which fields may stand by name or number alone. */
const FIELD = /\{\{|\}\}|\{([^{}!:]*)(?:!([rsa]))?(?::((?:[^{}]|\{[^{}]*\})*))?\}|[{}]/g;
const SPEC = /^(?:(.)?([<>=^]))?([+ -])?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?([bcdeEfFgGnosxX%])?$/u;

/** Python's `str.format`, for fields by number and by name; attributes and items of fields are refused. */
export function formatted(format: Str, args: CallArguments, budget: Budget): Str {
  const fields = new Fields(args);
  const parts: Str[] = [];
  let from = 0;
  for (const match of format.text.matchAll(FIELD)) {
    parts.push(format.slice(from, match.index));
    from = match.index + match[0].length;
    if (match[0] === '{{' || match[0] === '}}') {
      parts.push(new Str(match[0][0]));
      continue;
    }
    const [whole, name, conversion, spec = ''] = match;
    if (name === undefined) throw new TemplateFailure('ValueError', `Single '${whole}' encountered in format string`);
    const value = fields.value(name);
    const shown = conversion === undefined ? value : conversion === 's' ? showValue(value) : reprValue(value);
    parts.push(
      formatValue(
        shown,
        spec.replaceAll(/\{([^{}]*)\}/g, (_, inner: string) => showValue(fields.value(inner)).text),
        budget,
      ),
    );
  }
  return Str.join([...parts, format.slice(from)]);
}

/** The values of fields, by number, by name, or one after another. */
class Fields {
  private next = 0;
  private isManual = false;

  constructor(private readonly args: CallArguments) {}

  value(name: string): Value {
    const { positional, named } = this.args;
    if (/[.[]/.test(name))
      throw new TemplateFailure('SecurityError', 'attributes and items in format strings are not supported');
    const isNumber = /^\d+$/.test(name);
    if ((isNumber && this.next > 0) || (name === '' && this.isManual))
      throw new TemplateFailure(
        'ValueError',
        'cannot switch between manual field specification and automatic field numbering',
      );
    this.isManual ||= isNumber;
    const index = name === '' ? this.next++ : isNumber ? Number(name) : undefined;
    const value = index === undefined ? named.get(name) : positional[index];
    if (value !== undefined) return value;
    throw index === undefined
      ? new TemplateFailure('KeyError', `'${name}'`)
      : new TemplateFailure('IndexError', `Replacement index ${index} out of range for positional args tuple`);
  }
}

/** Python's `format(value, spec)`. */
function formatValue(value: Value, spec: string, budget: Budget): Str {
  if (spec === '') return showValue(value);
  if (value instanceof Undefined) throw value.failure();
  const match = SPEC.exec(spec);
  if (match === null) throw new TemplateFailure('ValueError', `Invalid format specifier '${spec}'`);
  const [, fill, align, sign, alternate, zero, width, grouping, precision, type] = match;
  const number = value instanceof Str ? undefined : asNumber(value);
  if (number === undefined && !(value instanceof Str))
    throw new TemplateFailure('TypeError', `unsupported format string passed to ${typeName(value)}.__format__`);
  if (type !== undefined && (number === undefined) !== (type === 's'))
    throw new TemplateFailure('ValueError', `Unknown format code '${type}' for object of type '${typeName(value)}'`);
  let text: Str;
  if (number === undefined) {
    text = showValue(value);
    if (precision !== undefined) text = text.slice(0, text.unitOf(Math.min(text.length, Number(precision))));
  } else
    text = new Str(
      numberText(number, {
        sign,
        isAlternate: alternate !== undefined,
        grouping,
        precision: precision === undefined ? undefined : Number(precision),
        type,
      }),
    );
  const missing = Math.max(0, Number(width ?? 0) - text.length);
  budget.text(missing);
  const pad = (fill ?? (zero === undefined ? ' ' : '0')).repeat(missing);
  const side = align ?? (zero !== undefined && number !== undefined ? '=' : number === undefined ? '<' : '>');
  if (side === '<') return Str.join([text, new Str(pad)]);
  if (side === '>') return Str.join([new Str(pad), text]);
  if (side === '^')
    return Str.join([
      new Str(pad.slice(0, Math.floor(missing / 2))),
      text,
      new Str(pad.slice(Math.floor(missing / 2))),
    ]);
  const signed = /^[+\- ]/.test(text.text) ? 1 : 0;
  return Str.join([text.slice(0, signed), new Str(pad), text.slice(signed)]);
}
