import { takes } from '../match/fake-vocabulary.test-support.js';
import { compileJsonSchema } from './compile-json-schema.js';

/** Format, texts that it has, texts that it does not have. */
const FORMATS: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  [
    'cuid',
    ['cjld2cjxh0000qzrmn831i7rn', 'C12345678'],
    ['c1234567', 'xjld2cjxh0000qzrmn831i7rn', 'c123 45678', 'c123-45678'],
  ],
  ['cuid2', ['tz4a98xxat96iws9zmbrgj3a', '0'], ['', 'Tz4a', 'a-b']],
  [
    'ulid',
    ['01ARZ3NDEKTSV4RRFFQ69G5FAV', '01arz3ndektsv4rrffq69g5fav'],
    ['01ARZ3NDEKTSV4RRFFQ69G5FA', '01ARZ3NDEKTSV4RRFFQ69G5FAI', '01ARZ3NDEKTSV4RRFFQ69G5FAVX'],
  ],
  ['nanoid', ['V1StGXR8_Z5jdHi6B-myT'], ['V1StGXR8_Z5jdHi6B-my', 'V1StGXR8_Z5jdHi6B-myT0', 'V1StGXR8_Z5jdHi6B+myT']],
  ['base64', ['', 'YQ==', 'YWI=', 'YWJj', '+/+/'], ['YQ', 'Y===', '-_-_', 'YQ==YQ==']],
  ['base64url', ['', 'YQ', 'YWI', 'YWJj', '-_-_'], ['Y', 'YWJjY', 'YQ==', '+/+/']],
  ['jwt', ['eyJhbGciOiJIUzI1NiJ9.e30.abc-_', 'a.b.'], ['a.b', '.b.c', 'a..c', 'a.b.c.d', 'a.b.c=']],
  ['e164', ['+14155552671', '+1234567'], ['14155552671', '+0123456789', '+123456', '+1234567890123456', '+1 415 555']],
  ['emoji', ['\u{1f600}', '\u{1f468}\u200d\u{1f469}', '\u2764\ufe0f'], ['', 'a', '\u{1f600} ']],
  ['hex', ['', 'deadBEEF09'], ['0x1', 'g', 'a b']],
  ['decimal', ['0', '-12.50', '007'], ['', '.5', '1.', '1e5', '+1', '1,5']],
  ['phone', ['+1 415 555 2671', '+14155552671'], ['415 555 2671', '+1  4155552671', '+123456', '+14155552671 ']],
  ['regex', ['^a+$', '(', ''], []],
  ['char', ['a', '\u{1f600}'], ['', 'ab']],
  ['cidrv4', ['10.0.0.0/8', '1.2.3.4/32'], ['10.0.0.0', '10.0.0.0/33', '256.0.0.0/8']],
  ['mac', ['00:1a:2b:3c:4d:5e', '00:1A:2B:3C:4D:5E'], ['00:1a:2b:3c:4d', '00:1A:2b:3C:4d:5E', '00-1a-2b-3c-4d-5e']],
];

describe('formats that generators of schemas write', () => {
  it.each(FORMATS)('%s', (format, good, bad) => {
    const grammar = compileJsonSchema({ type: 'string', format });
    for (const text of good) expect([text, takes(grammar, JSON.stringify(text))]).toEqual([text, true]);
    for (const text of bad) expect([text, takes(grammar, JSON.stringify(text))]).toEqual([text, false]);
    expect(takes(grammar, '5')).toBe(false);
    expect(takes(compileJsonSchema({ format }), '5')).toBe(true);
  });

  it.each([
    ['uint8', ['0', '255'], ['-1', '256', '1.5']],
    ['int16', ['-32768', '32767'], ['32768']],
    ['uint64', ['18446744073709549568'], ['-1', '18446744073709551616']],
  ])('%s, of numbers', (format, good, bad) => {
    const grammar = compileJsonSchema({ type: 'number', format });
    for (const text of good) expect([text, takes(grammar, text)]).toEqual([text, true]);
    for (const text of bad) expect([text, takes(grammar, text)]).toEqual([text, false]);
  });
});

describe('words that generators of schemas write', () => {
  it.each([
    'markdownDescription',
    'enumDescriptions',
    'markdownEnumDescriptions',
    'errorMessage',
    'defaultSnippets',
    'deprecationMessage',
    '@context',
    '@type',
    'enumNames',
    'propertyOrdering',
    'tsType',
    'javaType',
    'meta:enum',
  ])('%s changes nothing, whatever it says', (word) => {
    for (const value of [
      'text',
      ['a'],
      { type: 'string', $id: 'urn:a', $anchor: 'b', body: { $id: 'urn:a' } },
      false,
    ]) {
      const grammar = compileJsonSchema({
        type: 'object',
        properties: { a: { enum: [1, 2], [word]: value } },
        required: ['a'],
        [word]: value,
      });
      expect(['{"a":1}', '{"a":3}', '{}'].map((text) => takes(grammar, text))).toEqual([true, false, false]);
    }
  });

  it('do not make places to refer to', () => {
    expect(() => compileJsonSchema({ defaultSnippets: [{ $anchor: 'here' }], $ref: '#here' })).toThrow(
      expect.objectContaining({ code: 'invalid_grammar' }),
    );
  });

  it('are types in capitals as well', () => {
    const grammar = compileJsonSchema({
      type: 'OBJECT',
      properties: { a: { type: 'INTEGER', nullable: true }, b: { type: 'ARRAY', items: { type: ['STRING', 'NULL'] } } },
      required: ['a', 'b'],
    });
    expect(
      ['{"a":1,"b":["x",null]}', '{"a":null,"b":[]}', '{"a":1.5,"b":[]}', '{"a":1,"b":[1]}', '[]'].map((text) =>
        takes(grammar, text),
      ),
    ).toEqual([true, true, false, false, false]);
  });
});
