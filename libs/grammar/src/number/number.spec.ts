import fc from 'fast-check';
import { enumerateTexts, isEmpty } from '../automata/algebra.js';
import { decimalOf, isMultiple, nextDown, nextUp } from './decimal.js';
import { numberDfa, numbersDfa } from './number-dfa.js';
import {
  ALL_NUMBERS,
  complementNumbers,
  constantNumber,
  holdsNumber,
  intersectNumbers,
  type NumberSet,
} from './number-set.js';

const double = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer({ min: -1000, max: 1000 }),
  fc.integer({ min: -100, max: 100 }).map((n) => n / 4),
  fc.constantFrom(0, -0, 1e21, 1e-7, 5e-324, Number.MAX_VALUE, 0.1, 0.3, 1 / 3),
);
const bounds = fc.tuple(double, double).map(([a, b]) => ({ min: Math.min(a, b), max: Math.max(a, b) }));

describe('texts of numbers', () => {
  it('has what JSON.stringify writes for every double of a range, and nothing else it writes', () => {
    fc.assert(
      fc.property(bounds, fc.array(double, { minLength: 8, maxLength: 8 }), (range, values) => {
        const set: NumberSet = { ...ALL_NUMBERS, ...range };
        const dfa = numberDfa(set);
        for (const value of [...values, range.min, range.max, nextUp(range.max), nextDown(range.min)]) {
          if (!Number.isFinite(value)) continue;
          expect([value, range, dfa.accepts(JSON.stringify(value))]).toEqual([value, range, holdsNumber(set, value)]);
        }
      }),
      { numRuns: 15 },
    );
  });

  it('agrees with doubles on any text it accepts', () => {
    fc.assert(
      fc.property(
        bounds,
        fc.stringMatching(/^-?(0|[1-9]\d{0,4})(\.\d{1,5})?([eE][+-]?\d{1,2})?$/),
        fc.constantFrom('any', 'whole', 'fractional'),
        (range, text, wholeness) => {
          const set: NumberSet = { ...ALL_NUMBERS, ...range, wholeness };
          if (numberDfa(set).accepts(text)) expect([text, holdsNumber(set, Number(text))]).toEqual([text, true]);
          else if (!/[eE]/.test(text) && wholeness === 'any')
            expect([text, holdsNumber(set, Number(text))]).toEqual([text, false]);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('lists the whole numbers of a range', () => {
    const texts = enumerateTexts(numberDfa({ ...ALL_NUMBERS, min: -3.5, max: 12, wholeness: 'whole' }), 100)!;
    expect(texts.map(Number).sort((a, b) => a - b)).toEqual([-3, -2, -1, -0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  it('knows multiples as decimals', () => {
    const cents = numberDfa({ ...ALL_NUMBERS, multiplesOf: [0.01], min: 0, max: 2 });
    expect(['0.07', '1', '1.5', '2.00', '0.005', '2.01', '1e-2'].map((text) => cents.accepts(text))).toEqual([
      true,
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
    const sevens = numberDfa({ ...ALL_NUMBERS, multiplesOf: [7], wholeness: 'whole' });
    expect(['0', '-7', '49', '50', '999999999999994', '7.0'].map((text) => sevens.accepts(text))).toEqual([
      true,
      true,
      true,
      false,
      true,
      false,
    ]);
    const notTwoNorThree = numberDfa({ ...ALL_NUMBERS, notMultiplesOf: [2, 3], wholeness: 'whole' });
    expect(['1', '25', '4', '9', '0'].map((text) => notTwoNorThree.accepts(text))).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
    expect([isMultiple(0.3, 0.1), isMultiple(1e21, 7), isMultiple(4.5, 1.5), isMultiple(0, 3)]).toEqual([
      true,
      false,
      true,
      true,
    ]);
  });

  it('complements and intersects as sets', () => {
    const sets: NumberSet[] = [
      ALL_NUMBERS,
      constantNumber(3),
      { ...ALL_NUMBERS, min: 0, max: 10, wholeness: 'whole' },
      { ...ALL_NUMBERS, multiplesOf: [1.5] },
      { ...ALL_NUMBERS, notMultiplesOf: [4], max: 5 },
    ];
    for (const set of sets) {
      for (const value of [-1, 0, 1.5, 3, 4, 5, 10, 10.5, 12]) {
        expect(complementNumbers(set).some((other) => holdsNumber(other, value))).toBe(!holdsNumber(set, value));
        for (const other of sets) {
          const both = intersectNumbers(set, other);
          expect(both !== undefined && holdsNumber(both, value)).toBe(
            holdsNumber(set, value) && holdsNumber(other, value),
          );
        }
      }
    }
    expect(isEmpty(numberDfa({ ...ALL_NUMBERS, min: 1, max: 2, multiplesOf: [5] }))).toBe(true);
    expect(enumerateTexts(numbersDfa([constantNumber(1), constantNumber(-0), constantNumber(1e21)]), 9)).toEqual([
      '0',
      '1',
      '1e+21',
    ]);
  });

  it('cuts doubles into decimal digits', () => {
    expect(decimalOf(1234.5)).toEqual({ negative: false, digits: '12345', point: 4 });
    expect(decimalOf(-0.001)).toEqual({ negative: true, digits: '1', point: -2 });
    expect(decimalOf(0)).toEqual({ negative: false, digits: '', point: 0 });
  });
});
