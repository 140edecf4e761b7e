import fc from 'fast-check';
import { begunJson } from './begun-json.js';

describe('JSON that was cut', () => {
  it.each([
    ['', undefined],
    ['x', undefined],
    ['{', {}],
    ['{"city": "Os', {}],
    ['{"city"', {}],
    ['{"city":', {}],
    ['{"city": "Oslo"', { city: 'Oslo' }],
    ['{"city": "Oslo", "da', { city: 'Oslo' }],
    ['{"a": 12', {}],
    ['{"a": 12,', { a: 12 }],
    ['{"a": tru', {}],
    ['{"a": [1, 2, {"b": "\\"", "c": nul', { a: [1, 2, { b: '"' }] }],
    ['["a\\', []],
    ['{"a": 1}', { a: 1 }],
    ['{"a": }', undefined],
  ])('%j says %j', (text, value) => {
    expect(begunJson(text)).toEqual(value);
  });

  it('says nothing that the whole does not, wherever it was cut, and all of it at its end', () => {
    const isPart = (part: unknown, whole: unknown): boolean => {
      if (typeof part !== 'object' || part === null) return Object.is(part, whole);
      if (Array.isArray(part)) return Array.isArray(whole) && part.every((one, i) => isPart(one, whole[i]));
      return Object.entries(part).every(([name, one]) => isPart(one, (whole as Record<string, unknown>)[name]));
    };
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.nat(), (whole, at) => {
        const text = JSON.stringify(whole);
        const value = JSON.parse(text) as object;
        expect(begunJson(text)).toEqual(value);
        expect(isPart(begunJson(text.slice(0, at % (text.length + 1))) ?? {}, value)).toBe(true);
      }),
    );
  });
});
