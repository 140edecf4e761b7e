import fc from 'fast-check';
import { isStarlingError } from '@starling/core';
import { structureSteps } from './body-structure.js';
import { valueSteps } from './body-value.js';

function done<T>(steps: Generator<undefined, T>): { readonly value: T; readonly stops: number } {
  for (let stops = 0; ; stops++) {
    const step = steps.next();
    if (step.done === true) return { value: step.value, stops };
  }
}

const parsed = (bytes: Uint8Array, piece: number): { readonly value: unknown; readonly stops: number } =>
  done(valueSteps(bytes, done(structureSteps(bytes)).value, piece));

/** JSON of a value, white space, escapes, names that come twice and all. */
function jsonOf(value: unknown, space: () => string, escapes: boolean): string {
  const text = (one: string): string => {
    const json = JSON.stringify(one);
    return escapes
      ? json.replace(/[g-m\u{10000}-\u{10ffff}]/gu, (char) =>
          Array.from({ length: char.length }, (_, i) => `\\u${char.charCodeAt(i).toString(16).padStart(4, '0')}`).join(
            '',
          ),
        )
      : json;
  };
  if (Array.isArray(value))
    return `[${space()}${value.map((one) => jsonOf(one, space, escapes) + space()).join(`,${space()}`)}]`;
  if (typeof value !== 'object' || value === null)
    return typeof value === 'string' ? text(value) : JSON.stringify(value);
  const members = Object.entries(value).map(
    ([name, one]) => `${text(name)}${space()}:${space()}${jsonOf(one, space, escapes)}${space()}`,
  );
  return `{${space()}${[...members, ...members.slice(0, 1)].join(`,${space()}`)}}`;
}

const names = fc.oneof(fc.string({ maxLength: 5 }), fc.constantFrom('__proto__', 'constructor', '7', '\u2028', 'é'));
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.string({ unit: 'grapheme', maxLength: 60 }),
    fc.string({ unit: fc.constantFrom('\\', '"', 'a', '\u{1f426}', '\ud83d', 'é'), maxLength: 40 }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(null, true, false, 0, 123456789012345),
    fc.array(tie('value'), { maxLength: 6 }),
    fc.dictionary(names, tie('value'), { maxKeys: 6, noNullPrototype: true }),
  ),
}));
const spaces = fc.array(fc.constantFrom('', '', ' ', '\n\t', ' \r '), { minLength: 1, maxLength: 9 });
/** Longer than the names. */
const pieces = fc.integer({ min: 40, max: 90 });

describe('a body that is parsed in pieces', () => {
  it('has the value that it has as a whole', () => {
    fc.assert(
      fc.property(value, spaces, fc.boolean(), pieces, (one, some, escapes, piece) => {
        let count = 0;
        const json = jsonOf(one, () => some[count++ % some.length], escapes);
        const whole: unknown = JSON.parse(json);
        const inPieces = parsed(Buffer.from(json), piece).value;
        expect(JSON.stringify(inPieces)).toBe(JSON.stringify(whole));
        expect(inPieces).toEqual(whole);
      }),
      { numRuns: 400 },
    );
  });

  it('is refused where it is refused as a whole', () => {
    const change = fc.record({
      at: fc.nat(),
      length: fc.nat(3),
      by: fc.constantFrom('', ',', '"', '}', ']', '[', '{', ':', '\\', '1', ' ', 'null', ',,', '"a"', '\u0001'),
    });
    fc.assert(
      fc.property(
        value,
        spaces,
        pieces,
        fc.array(change, { minLength: 1, maxLength: 3 }),
        (one, some, piece, changes) => {
          let count = 0;
          let json = jsonOf([one, one], () => some[count++ % some.length], false);
          for (const { at, length, by } of changes) {
            const place = at % (json.length + 1);
            json = json.slice(0, place) + by + json.slice(place + length);
          }
          const bytes = Buffer.from(json);
          let whole: unknown;
          let isJson = true;
          try {
            whole = JSON.parse(bytes.toString());
          } catch {
            isJson = false;
          }
          try {
            const { value: inPieces } = parsed(bytes, piece);
            expect({ json, isJson }).toEqual({ json, isJson: true });
            expect(inPieces).toEqual(whole);
          } catch (error) {
            if (!isStarlingError(error)) throw error;
            // Only names may be too long.
            if (error.code !== 'invalid_request') expect({ json, isJson }).toEqual({ json, isJson: false });
          }
        },
      ),
      { numRuns: 1500 },
    );
  });

  it.each<[string, string]>([
    ['numbers', JSON.stringify(Array.from({ length: 300_000 }, (_, i) => i))],
    ['a text', JSON.stringify({ text: 'The starling sings. "\u{1f426}\\"'.repeat(60_000) })],
    ['names', JSON.stringify(Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`name ${i}`, i])))],
    [
      'messages',
      JSON.stringify({ messages: Array.from({ length: 20_000 }, (_, i) => ({ role: 'user', content: `a ${i}` })) }),
    ],
  ])('of many %s has a stop every 64 kB', (_, json) => {
    const bytes = Buffer.from(json);
    const { value: inPieces, stops } = done(valueSteps(bytes, done(structureSteps(bytes)).value));
    expect(inPieces).toEqual(JSON.parse(json));
    expect(stops).toBeGreaterThanOrEqual(bytes.length >> 16);
  });

  it('is no JSON where text follows, or bytes are no UTF-8', () => {
    const long = JSON.stringify('a'.repeat(100_000));
    for (const body of [
      `[${long}] 1`,
      `[${long}`,
      `{"a" ${long}}`,
      `{"a":1 ${long}}`,
      `[${long} ${long}]`,
      `[1 ${long}]`,
    ])
      expect(() => parsed(Buffer.from(body), 1000)).toThrow(expect.objectContaining({ code: 'invalid_json' }));
    const bytes = Buffer.from(`[${long}]`);
    bytes[50_000] = 0xff;
    expect(() => parsed(bytes, 1000)).toThrow('not UTF-8');
    expect(parsed(Buffer.from(`\ufeff[${long}]`), 1000).value).toEqual(['a'.repeat(100_000)]);
  });
});
