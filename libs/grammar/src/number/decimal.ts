/** A finite number as decimal digits: `0.digits * 10^point`, without leading or trailing zeros; zero has no digits. */
export interface Decimal {
  readonly negative: boolean;
  readonly digits: string;
  readonly point: number;
}

/** The shortest decimal that names a double: what JSON writes for it. */
export function decimalOf(value: number): Decimal {
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(value.toExponential())!;
  const digits = (match[2] + (match[3] ?? '')).replace(/0+$/, '');
  return { negative: match[1] === '-' && digits !== '', digits, point: digits === '' ? 0 : Number(match[4]) + 1 };
}

/** The digits of a magnitude before the point, at least one. */
export function integerDigits({ digits, point }: Decimal): string {
  return point <= 0 ? '0' : digits.slice(0, point).padEnd(point, '0');
}

/** The digit at a place after the point, the first of them being 0. */
export function fractionDigit({ digits, point }: Decimal, place: number): number {
  const index = place + point;
  return index < 0 || index >= digits.length ? 0 : digits.charCodeAt(index) - 0x30;
}

/** How many places after the point are not zero. */
export function fractionLength({ digits, point }: Decimal): number {
  return Math.max(0, digits.length - point);
}

/** The number times a power of ten, which must make it whole. */
export function scaledInteger(decimal: Decimal, places: number): bigint {
  const magnitude = BigInt(
    decimal.digits === '' ? 0 : decimal.digits + '0'.repeat(decimal.point + places - decimal.digits.length),
  );
  return decimal.negative ? -magnitude : magnitude;
}

/** Whether `value` is a whole multiple of `step` as decimals: 0.3 is one of 0.1. */
export function isMultiple(value: number, step: number): boolean {
  const [a, b] = [decimalOf(value), decimalOf(step)];
  const places = Math.max(fractionLength(a), fractionLength(b));
  return scaledInteger(a, places) % scaledInteger(b, places) === 0n;
}

const bits = new DataView(new ArrayBuffer(8));

/** The next larger double. */
export function nextUp(value: number): number {
  if (value === Infinity || Number.isNaN(value)) return value;
  if (value === 0) return Number.MIN_VALUE;
  bits.setFloat64(0, value);
  bits.setBigInt64(0, bits.getBigInt64(0) + (value > 0 ? 1n : -1n));
  return bits.getFloat64(0);
}

/** The next smaller double. */
export function nextDown(value: number): number {
  return -nextUp(-value);
}
