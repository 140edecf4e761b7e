import { compileJsonSchema } from './compile-json-schema.js';
import { takes } from '../match/fake-vocabulary.test-support.js';
const cases: [unknown, unknown[], unknown[]][] = [
  [true, [1, 'a', null, [], {}, [1, [2, { a: [] }]], { a: { b: 1e-7 } }], []],
  [{ type: 'string', maxLength: 3 }, ['', 'abc', '日本語', '😀😀😀'], ['abcd', 1]],
  [{ type: 'object', properties: { a: { type: 'integer' }, b: { type: 'string' } }, required: ['a'] }, [{ a: 1 }, { b: 'x', a: 2 }, { a: 1, c: [1] }], [{ b: '1' }, { a: 'x' }, { a: 1, b: 2 }]],
  [{ type: 'object', properties: { a: { type: 'integer' } }, additionalProperties: false }, [{}, { a: 1 }], [{ b: 1 }]],
  [{ anyOf: [{ type: 'string' }, { type: 'array', items: { $ref: '#' } }] }, ['a', [], ['a', [['b']]]], [1, [1]]],
  [{ oneOf: [{ multipleOf: 3 }, { multipleOf: 5 }], type: 'integer' }, [3, 5, 9, 10], [15, 1, 30]],
  [{ if: { properties: { a: { const: 1 } }, required: ['a'] }, then: { required: ['b'] }, else: { required: ['c'] } }, [{ a: 1, b: 1 }, { c: 1 }, 5], [{ a: 1 }, { a: 2 }, {}]],
  [{ not: { type: 'object' } }, [1], [{}]],
  [{ contains: { type: 'string' }, type: 'array' }, [['a'], [1, 'b', 2]], [[], [1]]],
  [{ enum: [1, 'a', { b: [1, 2], c: 'x' }, [true]] }, [1, 'a', { c: 'x', b: [1, 2] }, [true]], [2, { b: [1] }, []]],
  [{ type: 'object', minProperties: 2, maxProperties: 3 }, [{ a: 1, b: 2 }, { a: 1, b: 2, c: 3 }], [{ a: 1 }, { a: 1, b: 2, c: 3, d: 4 }]],
  [{ properties: { credit: {} }, dependentRequired: { credit: ['billing'] }, type: 'object' }, [{}, { billing: 1 }, { credit: 1, billing: 2 }, { billing: 2, credit: 1 }], [{ credit: 1 }]],
  [{ type: 'object', patternProperties: { '^s': { type: 'string' }, 'n$': { type: 'number' } }, additionalProperties: false }, [{ s: 'a', n: 1 }], [{ sn: 1 }, { s: 1 }, { x: 1 }]],
];
describe('quick', () => {
  it.each(cases)('%j', (schema, good, bad) => {
    const g = compileJsonSchema(schema);
    for (const v of good) {
      expect([v, takes(g, JSON.stringify(v))]).toEqual([v, true]);
      expect([v, takes(g, JSON.stringify(v, null, 2))]).toEqual([v, true]);
    }
    for (const v of bad) expect([v, takes(g, JSON.stringify(v))]).toEqual([v, false]);
  });
});
