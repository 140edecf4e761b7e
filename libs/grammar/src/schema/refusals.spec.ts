import { isStarlingError } from '@starling/core';
import { takes } from '../match/fake-vocabulary.test-support.js';
import { compileJsonSchema } from './compile-json-schema.js';

function refusalOf(schema: unknown): Readonly<Record<string, unknown>> {
  try {
    compileJsonSchema(schema);
  } catch (error) {
    if (isStarlingError(error, 'invalid_grammar')) return { ...error.details, message: error.message };
    throw error;
  }
  return { accepted: true };
}

describe('what cannot be enforced is refused, with its place', () => {
  it.each<[unknown, string]>([
    [{ unknownWord: 1 }, '/unknownWord'],
    [{ minimun: 1 }, '/minimun'],
    [{ properties: { a: { formt: 'x' } } }, '/properties/a/formt'],
    [{ type: 'strin' }, '/type'],
    [{ type: 'string', format: 'json-string' }, '/format'],
    [{ type: 'TYPE_UNSPECIFIED' }, '/type'],
    [{ type: 'Object' }, '/type'],
    [{ markdownDescriptions: 'x' }, '/markdownDescriptions'],
    [{ type: 'string', format: 'my-format' }, '/format'],
    [{ items: { properties: { 'a/b': { format: 'idn-hostname' } } } }, '/items/properties/a~1b/format'],
    [{ pattern: '(a)\\1' }, '/pattern'],
    [{ allOf: [{ pattern: '(?<=a)b' }] }, '/allOf/0/pattern'],
    [{ patternProperties: { '[': true } }, '/patternProperties'],
    [{ minLength: -1 }, '/minLength'],
    [{ minLength: 1.5 }, '/minLength'],
    [{ minLength: 1_000_000 }, '/minLength'],
    [{ maximum: '5' }, '/maximum'],
    [{ exclusiveMinimum: true, minimum: 1 }, '/exclusiveMinimum'],
    [{ multipleOf: 0 }, '/multipleOf'],
    [{ required: 'a' }, '/required'],
    [{ required: [1] }, '/required'],
    [{ properties: [] }, '/properties'],
    [{ properties: { a: 1 } }, '/properties/a'],
    [{ items: 5 }, '/items'],
    [{ allOf: {} }, '/allOf'],
    [{ anyOf: [] }, '/anyOf'],
    [{ enum: 'a' }, '/enum'],
    [{ enum: ['\ud800'] }, '/enum'],
    [{ $ref: 'https://example.com/other.json' }, '/$ref'],
    [{ $ref: '#/$defs/missing' }, '/$ref'],
    [{ $ref: '#missing' }, '/$ref'],
    [{ properties: { a: { $ref: '#/nope' } } }, '/properties/a/$ref'],
    [{ uniqueItems: true, items: { type: 'object' } }, '/uniqueItems'],
    [{ type: 'array', not: { uniqueItems: true } }, '/not'],
    [{ contains: true, unevaluatedItems: false }, '/contains'],
    [{ dependentRequired: { a: 'b' } }, '/dependentRequired'],
    [{ nullable: true }, '/nullable'],
    [{ type: 'string', pattern: '(a|b)*a(a|b){30}' }, '/pattern'],
  ])('%j at %s', (schema, path) => {
    expect(refusalOf(schema)).toEqual(expect.objectContaining({ path, message: expect.stringContaining(path) }));
  });

  it.each([[5], [null], ['x'], [[]]])('%j is not a schema', (schema) =>
    expect(refusalOf(schema)).toEqual(expect.objectContaining({ path: '' })),
  );

  it.each<[unknown]>([
    [false],
    [{ not: {} }],
    [{ enum: [] }],
    [{ type: 'string', minLength: 3, maxLength: 2 }],
    [{ type: 'string', pattern: '^a$', allOf: [{ pattern: '^b$' }] }],
    [{ type: 'integer', minimum: 2.1, maximum: 2.9 }],
    [{ type: 'integer', minimum: 1, maximum: 2, multipleOf: 3 }],
    [{ type: 'array', items: false, minItems: 1 }],
    [{ type: 'object', required: ['a'], additionalProperties: false }],
    [{ type: 'object', properties: { a: false }, required: ['a'] }],
    [{ type: 'object', minProperties: 3, properties: { a: {}, b: {} }, additionalProperties: false }],
    [
      {
        $ref: '#/$defs/a',
        $defs: { a: { type: 'object', properties: { next: { $ref: '#/$defs/a' } }, required: ['next'] } },
      },
    ],
    [{ type: 'array', minItems: 1, items: { $ref: '#' } }],
    [{ type: 'array', items: { enum: [1, 2] }, uniqueItems: true, minItems: 3 }],
    [{ allOf: [{ type: 'string' }, { type: 'integer' }] }],
    [{ type: 'array', contains: { type: 'string' }, items: { type: 'integer' } }],
  ])('a schema that no finite value satisfies: %j', (schema) => {
    expect(refusalOf(schema)).toEqual(
      expect.objectContaining({ message: expect.stringContaining('no finite JSON value') }),
    );
  });

  it('a schema that refers to itself without end', () => {
    expect(refusalOf({ $ref: '#' })).toEqual(
      expect.objectContaining({ message: expect.stringContaining('refers to itself') }),
    );
    expect(
      refusalOf({ allOf: [{ $ref: '#/$defs/a' }], $defs: { a: { anyOf: [{ $ref: '#/$defs/a' }, true] } } }),
    ).toEqual(expect.objectContaining({ loop: true }));
  });

  it.each<[string, () => unknown, string]>([
    [
      'nested too deeply',
      () => Array.from({ length: 500 }).reduce<unknown>((inner) => ({ items: inner }), true),
      'nesting',
    ],
    [
      'with too many subschemas',
      () => ({ enum: [1], $defs: Object.fromEntries(Array.from({ length: 60_000 }, (_, i) => [`d${i}`, {}])) }),
      'schemaNodes',
    ],
    [
      'with too many properties',
      () => ({ properties: Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`p${i}`, {}])) }),
      'properties',
    ],
    [
      'with too many combinations',
      () => ({
        allOf: Array.from({ length: 16 }, (_, i) => ({ anyOf: [{ required: [`a${i}`] }, { required: [`b${i}`] }] })),
        type: 'object',
      }),
      'alternatives',
    ],
    ['with a large multipleOf', () => ({ type: 'integer', multipleOf: 99_999_989 }), 'modulus'],
    [
      'with long bounds beside contains',
      () => ({ type: 'array', minItems: 200_000, contains: { type: 'string' } }),
      'arrayStates',
    ],
  ])('a schema %s meets a named limit', (_name, schema, limit) =>
    expect(refusalOf(schema())).toEqual(expect.objectContaining({ limit })),
  );
});

describe('options', () => {
  const schema = {
    type: 'object',
    properties: { b: { type: 'integer' }, a: { type: 'string' }, c: { type: 'null' } },
    required: ['a'],
  };

  it('compact JSON has no white space', () => {
    const grammar = compileJsonSchema(schema, { whitespace: 'compact' });
    expect(['{"a":"x y"}', '{ "a":"x"}', '{"a": "x"}', ' {"a":"x"}'].map((text) => takes(grammar, text))).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });

  it.each(['', ' ', '\n', '\n\n', '\n\t', '\n\n  ', `\n${' '.repeat(32)}`])(
    'white space is a space, or line breaks with indentation: %j',
    (space) => {
      const grammar = compileJsonSchema(schema);
      expect(
        takes(grammar, `${space}{${space}"a"${space}:${space}"x"${space},${space}"b"${space}:${space}1${space}}`),
      ).toBe(true);
    },
  );

  it.each(['  ', '\t', '\r\n', '\n\n\n', ' \n', '\n \n', `\n${' '.repeat(33)}`])(
    'more would let a model ramble: %j',
    (space) => {
      const grammar = compileJsonSchema(schema);
      for (const text of [
        `${space}{"a":"x"}`,
        `{${space}"a":"x"}`,
        `{"a":${space}"x"}`,
        `{"a":"x"${space}}`,
        `{"a":"x","c":null,${space}"b":1}`,
      ])
        expect([text, takes(grammar, text)]).toEqual([text, false]);
    },
  );

  it('properties can be held to the order of the schema', () => {
    const grammar = compileJsonSchema(schema, { propertyOrder: 'schema' });
    expect(
      [
        '{"b":1,"a":"","c":null}',
        '{"a":"","c":null,"x":1,"y":2}',
        '{"a":"","b":1}',
        '{"c":null,"a":""}',
        '{"x":1,"a":""}',
        '{"b":1,"a":""}',
      ].map((text) => takes(grammar, text)),
    ).toEqual([true, true, false, false, false, true]);
  });

  it('minimal escapes are those of JSON.stringify', () => {
    const grammar = compileJsonSchema({ type: 'string' }, { escapes: 'minimal' });
    for (const text of ['a"b\\c\n\t\b\f\r\u0001\u001f/é😀\u007f'])
      expect(takes(grammar, JSON.stringify(text))).toBe(true);
    expect(
      ['"\\u0041"', '"\\/"', '"\\u000a"', '"\\u001F"', '"\\ud83d\\ude00"'].map((text) => takes(grammar, text)),
    ).toEqual([false, false, false, false, false]);
  });

  it('any escape of JSON is taken otherwise, but never half of a surrogate pair', () => {
    const grammar = compileJsonSchema({ enum: ['A/\n', '😀é'] });
    expect(
      ['"\\u0041\\/\\u000A"', '"A/\\n"', '"\\uD83D\\ude00\\u00e9"', '"\\ud83d\\ude00é"', '"😀\\u00E9"'].map((text) =>
        takes(grammar, text),
      ),
    ).toEqual([true, true, true, true, true]);
    const any = compileJsonSchema({ type: 'string' });
    expect(
      ['"\\ud83d"', '"\\ude00"', '"\\ud83dx"', '"\\ud83d\\u0041"', '"\\ud83d\\ude00"'].map((text) => takes(any, text)),
    ).toEqual([false, false, false, false, true]);
  });
});
