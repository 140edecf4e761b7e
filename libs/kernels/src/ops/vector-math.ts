import type { Expr } from '../wasm/expression.js';
import type { Local } from '../wasm/function-builder.js';
import { f32x4, i32x4, v128 } from '../wasm/simd-ops.js';
import type { KernelEmitter } from './kernel-definition.js';

/*
 * Elementary functions on four floats, by range reduction and minimax polynomials (coefficients of S. Moshier's Cephes library,
 * single precision). Each emits code that leaves its result in a new local. Errors are 1 to 2 units in the last place.
 */

type Emitter = Pick<KernelEmitter, 'f' | 'madd' | 'float' | 'int'>;
type Vector = Expr<'v128'>;

/** Bounds of the argument of e^x: results stay normal numbers. */
const expHigh = 88.37;
const expLow = -86.6;

/** Adding this rounds a number below 2^22 to an integer, which then stands in the low bits. */
const rounder = 1.5 * 2 ** 23;

/** Evaluates a polynomial by Horner's rule, highest power first. */
function horner({ f, float, madd }: Emitter, x: Local<'v128'>, coefficients: readonly number[]): Local<'v128'> {
  const sum = f.local('v128', float(coefficients[0]));
  for (const coefficient of coefficients.slice(1)) f.set(sum, madd(sum, x, float(coefficient)));
  return sum;
}

/** e^x for arguments between the bounds, which e^bound stands in for beyond them. NaN stays NaN. */
export function emitExp(k: Emitter, x: Vector): Local<'v128'> {
  return expBelowHigh(k, f32x4.pmin(x, k.float(expHigh)));
}

/** e^x for x <= 0: the weights of a softmax. Below -86.6: e^-86.6, which adds nothing to a sum that has a 1 in it. */
export function emitExpNegative(k: Emitter, x: Vector): Local<'v128'> {
  return expBelowHigh(k, x);
}

function expBelowHigh(k: Emitter, x: Vector): Local<'v128'> {
  const { f, float, madd } = k;
  const rest = f.local('v128', f32x4.pmax(x, float(expLow)));
  const power = f.local('v128', madd(rest, float(Math.LOG2E), float(rounder)));
  const whole = f.local('v128', f32x4.sub(power, float(rounder)));
  // ln 2 in two parts, the first of few bits, so that the products lose nothing.
  f.set(rest, madd(whole, float(-0.693359375), rest));
  f.set(rest, madd(whole, float(2.1219444e-4), rest));
  const series = horner(
    k,
    rest,
    [1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1],
  );
  f.set(series, f32x4.add(madd(series, f32x4.mul(rest, rest), rest), float(1)));
  // The integer in the low bits of `power`, moved up to where the exponent is, multiplies by a power of two.
  return f.local('v128', i32x4.add(series, i32x4.shl(power, 23)));
}

/** 1 / (1 + e^-x). */
export function emitSigmoid(k: Emitter, x: Vector): Local<'v128'> {
  const { f, float } = k;
  const e = emitExp(k, f32x4.neg(x));
  return f.local('v128', f32x4.div(float(1), f32x4.add(e, float(1))));
}

/** Hyperbolic tangent, with a polynomial of its own near 0, where 1 - 2 / (e^2x + 1) would cancel. */
export function emitTanh(k: Emitter, x: Vector): Local<'v128'> {
  const { f, float, int, madd } = k;
  const value = f.local('v128', x);
  const magnitude = f.local('v128', f32x4.abs(value));
  const square = f.local('v128', f32x4.mul(value, value));
  const series = horner(
    k,
    square,
    [-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1],
  );
  f.set(series, madd(f32x4.mul(series, square), value, value));
  const e = emitExp(k, f32x4.add(magnitude, magnitude));
  const one = float(1);
  f.set(e, f32x4.sub(one, f32x4.div(float(2), f32x4.add(e, one))));
  f.set(e, v128.or(e, v128.and(value, int(-0x80000000))));
  return f.local('v128', v128.bitselect(series, e, f32x4.lt(magnitude, float(0.625))));
}

/** ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|), the logarithm by the series of 2 artanh(y / (2 + y)), which keeps the digits of small y. */
export function emitSoftplus(k: Emitter, x: Vector): Local<'v128'> {
  const { f, float, madd } = k;
  const value = f.local('v128', x);
  const y = emitExpNegative(k, f32x4.neg(f32x4.abs(value)));
  const ratio = f.local('v128', f32x4.div(y, f32x4.add(y, float(2))));
  const square = f.local('v128', f32x4.mul(ratio, ratio));
  const series = horner(k, square, [2 / 15, 2 / 13, 2 / 11, 2 / 9, 2 / 7, 2 / 5, 2 / 3, 2]);
  return f.local('v128', madd(series, ratio, f32x4.pmax(value, float(0))));
}

/** The error function, |error| below 1.5e-7 (Abramowitz and Stegun 7.1.26 refined by one series near 0 where it would lose digits). */
export function emitErf(k: Emitter, x: Vector): Local<'v128'> {
  const { f, float, int, madd } = k;
  const value = f.local('v128', x);
  const magnitude = f.local('v128', f32x4.abs(value));
  const square = f.local('v128', f32x4.mul(value, value));
  // |x| < 1: x P(x^2), Cephes erff.
  const near = horner(
    k,
    square,
    [
      7.853861353153693e-5, -8.010193625184903e-4, 5.188327685732524e-3, -2.685381193529856e-2, 1.128358514861418e-1,
      -3.7612625824233e-1, 1.12837916572671,
    ],
  );
  f.set(near, f32x4.mul(near, value));
  // otherwise 1 - t P(t) e^(-x^2)
  const one = float(1);
  const t = f.local('v128', f32x4.div(one, madd(magnitude, float(0.3275911), one)));
  const tail = horner(k, t, [1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592]);
  const e = emitExp(k, f32x4.neg(square));
  f.set(tail, f32x4.sub(one, f32x4.mul(f32x4.mul(tail, t), e)));
  f.set(tail, v128.or(tail, v128.and(value, int(-0x80000000))));
  return f.local('v128', v128.bitselect(near, tail, f32x4.lt(magnitude, one)));
}
