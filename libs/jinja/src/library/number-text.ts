import { TemplateFailure } from '../error.js';
import { floatText } from '../values/show.js';

/** How a number is written: by `str.format` and by the operator `%`. */
export interface NumberFormat {
  /** What stands before numbers that are not negative. */
  readonly sign?: string;
  /** With its prefix (0x), or with all its digits behind the point. */
  readonly isAlternate?: boolean;
  /** Between groups of three digits. */
  readonly grouping?: string;
  readonly precision?: number;
  readonly type?: string;
}

/** Digits behind the point, at most: JavaScript's own limit. */
const MAX_PLACES = 100;

/** A number as Python's format types write it, without padding. @throws TemplateFailure ValueError for a type that its kind does not have */
export function numberText(
  value: bigint | number,
  { sign, isAlternate = false, grouping, precision, type }: NumberFormat,
): string {
  const isNegative = value < 0 || Object.is(value, -0);
  let digits = digitsOf(
    isNegative ? -value : value,
    precision === undefined ? undefined : Math.min(MAX_PLACES, precision),
    type,
    isAlternate,
  );
  if (grouping !== undefined) digits = digits.replace(/^\d+/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, grouping));
  return (isNegative ? '-' : sign === '+' || sign === ' ' ? sign : '') + digits;
}

const RADIX: Readonly<Record<string, number>> = { b: 2, o: 8, x: 16, X: 16 };

function digitsOf(
  value: bigint | number,
  precision: number | undefined,
  type: string | undefined,
  isAlternate: boolean,
): string {
  switch (type) {
    case 'f':
    case 'F':
      return finite(Number(value), (number) => number.toFixed(precision ?? 6));
    case '%':
      return `${finite(Number(value) * 100, (number) => number.toFixed(precision ?? 6))}%`;
    case 'e':
      return finite(Number(value), (number) => exponential(number, precision ?? 6));
    case 'E':
      return finite(Number(value), (number) => exponential(number, precision ?? 6)).toUpperCase();
    case 'g':
      return finite(Number(value), (number) => general(number, precision ?? 6, isAlternate));
    case 'G':
      return finite(Number(value), (number) => general(number, precision ?? 6, isAlternate)).toUpperCase();
    case 'b':
    case 'o':
    case 'x':
    case 'X': {
      const text = `${isAlternate ? `0${type}` : ''}${whole(value, type).toString(RADIX[type])}`;
      return type === 'X' ? text.toUpperCase() : text;
    }
    case 'd':
    case 'n':
      return type === 'n' && typeof value === 'number'
        ? general(value, precision ?? 6, isAlternate)
        : String(whole(value, type));
    case 'c':
      return String.fromCodePoint(Number(whole(value, type)));
    case undefined:
      if (typeof value === 'bigint') return String(value);
      return precision === undefined ? floatText(value) : finite(value, (number) => shortest(number, precision));
    default:
      throw new TemplateFailure(
        'ValueError',
        `Unknown format code '${type}' for object of type '${typeof value === 'bigint' ? 'int' : 'float'}'`,
      );
  }
}

function whole(value: bigint | number, type: string): bigint {
  if (typeof value === 'bigint') return value;
  throw new TemplateFailure('ValueError', `Unknown format code '${type}' for object of type 'float'`);
}

function finite(value: number, write: (value: number) => string): string {
  return Number.isFinite(value) ? write(value) : floatText(value);
}

/** An exponent has two digits at least. */
function exponential(value: number, places: number): string {
  return value.toExponential(places).replace(/e([+-])(\d)$/, 'e$10$2');
}

/** As C's %g: `precision` significant digits, without zeros at the end, with an exponent where that is very large or small. */
function general(value: number, precision: number, keepsZeros: boolean): string {
  const digits = Math.max(1, precision);
  const power = value === 0 ? 0 : Number(value.toExponential(digits - 1).split('e')[1]);
  const text = power < -4 || power >= digits ? exponential(value, digits - 1) : value.toFixed(digits - 1 - power);
  return keepsZeros ? text : text.replace(/(\.\d*?)0+(?=$|e)/, '$1').replace(/\.(?=$|e)/, '');
}

/** A float with a precision and no type: as %g, but it still looks like a float. */
function shortest(value: number, precision: number): string {
  const digits = Math.max(1, precision);
  const power = value === 0 ? 0 : Number(value.toExponential(digits - 1).split('e')[1]);
  if (power < -4 || power >= digits) return general(value, digits, false);
  const text = general(value, digits, false);
  return text.includes('.') ? text : `${text}.0`;
}
