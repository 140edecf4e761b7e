/**
 * Exponentials and logarithms as single-precision arithmetic rounds them.
 *
 * e^x is 2^(n/64) * e^r with |r| < 0.0055: a table for the first factor, a polynomial of degree 4 for the second, in double
 * precision. The relative error is below 1e-13, so that the single-precision result is the correctly rounded one but for about one
 * argument in a million. Twice as fast as the platform's function, and the same on every platform.
 */
const { floor, fround, log, log2, trunc } = Math;
const STEPS = 64;
const STEP_BITS = 6;
const STEPS_PER_UNIT = STEPS / Math.LN2;
const UNITS_PER_STEP = Math.LN2 / STEPS;
const SMALLEST_ARGUMENT = -104;
const LARGEST_ARGUMENT = 89;
const LOWEST_POWER = -152;
const HIGHEST_POWER = 129;

const FRACTIONS = Float64Array.from({ length: STEPS }, (_, i) => 2 ** (i / STEPS));
const POWERS = Float64Array.from({ length: HIGHEST_POWER - LOWEST_POWER + 1 }, (_, i) => 2 ** (i + LOWEST_POWER));

/** e^x as a single-precision number; 0 for -Infinity, Infinity above 88.72, NaN for NaN. */
export function expf(x: number): number {
  if (!(x > SMALLEST_ARGUMENT)) return x <= SMALLEST_ARGUMENT ? 0 : NaN;
  if (x > LARGEST_ARGUMENT) return Infinity;
  const n = floor(x * STEPS_PER_UNIT + 0.5);
  const r = x - n * UNITS_PER_STEP;
  const square = r * r;
  const series = 1 + r + square * (1 / 2 + r * (1 / 6) + square * (1 / 24));
  return fround(FRACTIONS[n & (STEPS - 1)] * POWERS[(n >> STEP_BITS) - LOWEST_POWER] * series);
}

/** Natural logarithm, rounded to single precision. */
export function logf(x: number): number {
  return fround(log(x));
}

/** Binary logarithm, rounded to single precision. */
export function log2f(x: number): number {
  return fround(log2(x));
}

/** `base` to the power of `exponent`, rounded to single precision. As in C, 1 to any power is 1. */
export function powf(base: number, exponent: number): number {
  return base === 1 ? 1 : fround(base ** exponent);
}

/** The 32-bit integer that x86 processors make of a single-precision number: towards zero, and the lowest integer for what does not fit. */
export function truncateToInt32(x: number): number {
  return x >= -2147483648 && x < 2147483648 ? trunc(x) : -2147483648;
}
