import { intersect, NO_TEXT, subtract, union, wordsOf } from '../automata/algebra.js';
import { codesOf } from '../automata/code-set.js';
import { determinize } from '../automata/determinize.js';
import { AutomatonCache } from '../automata/compilation.js';
import { ACCEPT, type Dfa } from '../automata/dfa.js';
import { embed } from '../automata/embed.js';
import { Nfa, type Fragment } from '../automata/nfa.js';
import { decimalOf, type Decimal } from './decimal.js';
import { ALL_NUMBERS, type NumberSet } from './number-set.js';
import { comparedTo, fractional, mantissaComparedTo, multiplesOf, plainShape } from './digit-automata.js';

/** Digits that numbers may have. Enough for whatever `JSON.stringify` writes; more would let a model write digits without end. */
const WHOLE_DIGITS = 21;
const FRACTION_DIGITS = 25;
const MANTISSA_DIGITS = 20;
/** Numbers of up to this many digits are told apart by doubles, so that decimals and doubles agree on what is whole or a multiple. */
const EXACT_DIGITS = 15;
/** Exponents of the smallest and the largest double. */
const MIN_EXPONENT = -324;
const MAX_EXPONENT = 308;
/** Whole numbers from here on are written with an exponent by JavaScript. */
const WHOLE_EXPONENT = 21;

const numbers = new AutomatonCache(500);

/**
 * The texts that JSON may write for the numbers of a set: plain decimals, and scientific ones with one digit, not zero, before the
 * point (whole numbers only from 1e21 on). Sets with multiples, or of numbers that are not whole, have plain decimals of up to 15
 * digits only; a constant has the one text that `JSON.stringify` writes.
 */
export function numberDfa(set: NumberSet): Dfa {
  const key = keyOfNumbers(set);
  const make = (): Dfa => (set.constant ? wordsOf([JSON.stringify(set.min)]) : build(set));
  return COMMON.has(key) ? numbers.getCommon(key, make) : numbers.get(key, make);
}

/** A text that is the same for equal sets. */
export function keyOfNumbers(set: NumberSet): string {
  return JSON.stringify([
    String(set.min),
    String(set.max),
    set.wholeness,
    set.multiplesOf,
    set.notMultiplesOf,
    set.constant,
  ]);
}

/** Numbers of schemas that say no more than that they are some. */
const COMMON: ReadonlySet<string> = new Set(
  [ALL_NUMBERS, { ...ALL_NUMBERS, wholeness: 'whole' } as const].map(keyOfNumbers),
);

function build(set: NumberSet): Dfa {
  const nfa = new Nfa();
  const parts: Fragment[] = [];
  const add = (low: number, high: number, sign: string): void => {
    if (low > high) return;
    const [from, to] = [decimalOf(low), decimalOf(Math.min(high, Number.MAX_VALUE))];
    parts.push(nfa.sequence([nfa.text(sign), embed(nfa, plainDfa(set, from, to))]));
    if (set.multiplesOf.length + set.notMultiplesOf.length === 0)
      for (const part of scientific(nfa, set, from, to)) parts.push(nfa.sequence([nfa.text(sign), part]));
  };
  if (set.max >= 0) add(Math.max(set.min, 0), set.max, '');
  if (set.min <= 0) add(Math.max(-set.max, 0), -set.min, '-');
  const whole = nfa.choice(parts);
  return determinize(nfa, whole.start, new Map([[whole.end, ACCEPT]]));
}

/** Plain decimals without sign from `low` to `high`. */
function plainDfa(set: NumberSet, low: Decimal, high: Decimal): Dfa {
  let dfa = shapeDfa(...digitsOf(set));
  if (low.point <= WHOLE_DIGITS && low.digits !== '') dfa = intersect(dfa, comparedTo(low, 'atLeast', FRACTION_DIGITS));
  if (low.point > WHOLE_DIGITS) return NO_TEXT;
  if (high.point <= WHOLE_DIGITS) dfa = intersect(dfa, comparedTo(high, 'atMost', FRACTION_DIGITS));
  if (set.wholeness === 'fractional') dfa = intersect(dfa, fractional());
  for (const step of set.multiplesOf) dfa = intersect(dfa, multiplesOf(decimalOf(step)));
  for (const step of set.notMultiplesOf) dfa = subtract(dfa, multiplesOf(decimalOf(step)));
  return dfa;
}

const shapes = new AutomatonCache(500);

function shapeDfa(whole: number, fraction: number): Dfa {
  return shapes.get(`${whole} ${fraction}`, () => plainShape(whole, fraction));
}

/** How many digits plain decimals may have before and after the point. */
function digitsOf(set: NumberSet): [whole: number, fraction: number] {
  if (set.wholeness === 'whole')
    return [set.multiplesOf.length + set.notMultiplesOf.length > 0 ? EXACT_DIGITS : WHOLE_DIGITS, 0];
  if (set.multiplesOf.length > 0) {
    const places = Math.min(
      EXACT_DIGITS - 1,
      ...set.multiplesOf.map((step) => Math.max(0, decimalOf(step).digits.length - decimalOf(step).point)),
    );
    return [EXACT_DIGITS - places, places];
  }
  return set.notMultiplesOf.length > 0 || set.wholeness === 'fractional'
    ? [9, EXACT_DIGITS - 9]
    : [WHOLE_DIGITS, FRACTION_DIGITS];
}

/** Decimals `d.ddde±xx` without sign from `low` to `high`: which exponents fit depends on how the digits compare to those of the bounds. */
function scientific(nfa: Nfa, set: NumberSet, low: Decimal, high: Decimal): Fragment[] {
  const digits = set.wholeness === 'fractional' ? EXACT_DIGITS - 1 : MANTISSA_DIGITS;
  const least = set.wholeness === 'whole' ? WHOLE_EXPONENT : MIN_EXPONENT;
  const most = set.wholeness === 'fractional' ? -1 : MAX_EXPONENT;
  const parts: Fragment[] = [];
  if (high.digits === '') return parts;
  for (const atLeastLow of [true, false]) {
    for (const atMostHigh of [true, false]) {
      const first = low.digits === '' ? MIN_EXPONENT : low.point - 1 + (atLeastLow ? 0 : 1);
      const last = high.point - 1 - (atMostHigh ? 0 : 1);
      const exponents = exponentDfa(Math.max(first, least), Math.min(last, most));
      if (exponents === NO_TEXT) continue;
      let mantissa = mantissaComparedTo(high, digits, atMostHigh ? 'atMost' : 'above');
      if (low.digits !== '')
        mantissa = intersect(mantissa, mantissaComparedTo(low, digits, atLeastLow ? 'atLeast' : 'below'));
      else if (!atLeastLow) continue;
      parts.push(nfa.sequence([embed(nfa, mantissa), nfa.set(codesOf('eE')), embed(nfa, exponents)]));
    }
  }
  return parts;
}

const exponentRanges = new AutomatonCache(2000);

/** All ways to write an exponent from `low` to `high`. */
function exponentDfa(low: number, high: number): Dfa {
  if (low > high) return NO_TEXT;
  return exponentRanges.get(`${low} ${high}`, () => {
    const words: string[] = [];
    for (let exponent = low; exponent <= high; exponent++) {
      const digits = String(Math.abs(exponent));
      const forms = digits.length === 1 ? [digits, `0${digits}`] : [digits];
      for (const form of forms) words.push(...(exponent < 0 ? [`-${form}`] : [form, `+${form}`]));
    }
    return wordsOf(words);
  });
}

/** The texts of all sets together. */
export function numbersDfa(sets: readonly NumberSet[]): Dfa {
  const constants = sets.filter((set) => set.constant).map((set) => JSON.stringify(set.min));
  return sets.filter((set) => !set.constant).reduce((all, set) => union(all, numberDfa(set)), wordsOf(constants));
}
