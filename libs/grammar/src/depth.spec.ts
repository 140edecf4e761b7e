import { isStarlingError } from '@starling/core';
import { compileGbnf } from './gbnf/compile-gbnf.js';
import { lazyGrammar } from './lazy/lazy-grammar.js';
import { LIMITS } from './limits.js';
import type { Grammar } from './machine/grammar.js';
import { byteIndex, takes } from './match/fake-vocabulary.test-support.js';
import { GrammarMatcher } from './match/grammar-matcher.js';
import { compileRegex } from './regex/compile-regex.js';
import { checkSchemaValues } from './schema/check-values.js';
import { compileJsonSchema } from './schema/compile-json-schema.js';
import { compileToolCalls } from './tools/compile-tool-calls.js';

const DEEP = 100_000;

type Nest = (depth: number) => string;
const around =
  (before: string, core: string, after: string): Nest =>
  (depth) =>
    before.repeat(depth) + core + after.repeat(depth);
const chain =
  (rule: (i: number) => string, last: string): Nest =>
  (depth) =>
    `root ::= r0\n${Array.from({ length: depth }, (_, i) => `r${i} ::= ${rule(i)}\n`).join('')}r${depth} ::= ${last}`;

const GBNF: Readonly<Record<string, Nest>> = {
  groups: (depth) => `root ::= ${around('(', '"a"', ')')(depth)}`,
  'groups never closed': (depth) => `root ::= ${'('.repeat(depth)}`,
  'choices in groups': (depth) => `root ::= ${around('("b" | "c" ', '"a"', ')')(depth)}`,
  'repetitions of groups': (depth) => `root ::= ${around('(', '"a"', ')?')(depth)}`,
  'everything in groups': (depth) => `root ::= ${around('("b" | "c" ', '"a"', '{1,2} "d")')(depth)}`,
  'numbered repetitions': (depth) => `root ::= "a"${'{1,2}'.repeat(depth)}`,
  'plain repetitions': (depth) => `root ::= "a"${'+?*'.repeat(depth)}`,
  'rules by name alone': chain((i) => `r${i + 1}`, '"a"'),
  'rules in choices': chain((i) => `"b" | r${i + 1}`, '"a"'),
  'rules in groups': chain((i) => `("b" | (r${i + 1})?)`, '"a"'),
  'rules after text': chain((i) => `"a" r${i + 1}`, '"a"'),
  'rules before text': chain((i) => `r${i + 1} "a"`, '"a"'),
  'rules that may be empty': chain((i) => `r${i + 1}?`, '"a"'),
  'rules in reverse order': (depth) =>
    `root ::= r${depth}\nr0 ::= "a"\n${Array.from({ length: depth }, (_, i) => `r${i + 1} ::= r${i}\n`).join('')}`,
  'a cycle of rules': chain((i) => `r${i + 1}`, 'r0'),
  'a cycle of rules after text': chain((i) => `"a" r${i + 1}`, '"b" | r0 "c"'),
  'rules that never end': chain((i) => `"a" r${i + 1}`, '"a" r0'),
  alternatives: (depth) => `root ::= "a"${' | "b"'.repeat(depth)}`,
  'alternatives on lines': (depth) => `root ::= "a"${'\n | "b"'.repeat(depth)}`,
  items: (depth) => `root ::= ${'"a" '.repeat(depth)}`,
  spaces: (depth) => `root ::= ${' \n\t'.repeat(depth)} "a"${' '.repeat(depth)}`,
  comments: (depth) => `root ::= ${'# x\n'.repeat(depth)} "a" # ${'#'.repeat(depth)}`,
  'brackets in a class': (depth) => `root ::= ${'[['.repeat(depth)}a]`,
  'characters of a class': (depth) => `root ::= [${'ab'.repeat(depth)}]`,
  tokens: (depth) => `root ::= ${'!<'.repeat(depth)}`,
};

const REGEX: Readonly<Record<string, Nest>> = {
  groups: around('(', 'a', ')'),
  'groups never closed': (depth) => '('.repeat(depth),
  'groups never opened': (depth) => ')'.repeat(depth),
  'groups that do not capture': around('(?:', 'a', ')'),
  'named groups': around('(?<n>', 'a', ')'),
  'repetitions of groups': around('(?:', 'a', ')*'),
  'numbered repetitions of groups': around('(', 'a', '){1,2}'),
  'choices in groups': around('(b|c', 'a', 'd)'),
  'everything in groups': around('(b|c', 'a', '?d)?'),
  lookaheads: around('(?=', 'a', ')a'),
  'negative lookaheads': around('(?!', 'a', ')b'),
  lookbehinds: around('(?<=', 'a', ')'),
};

/** Not nested, but long. */
const LONG_REGEX: Readonly<Record<string, Nest>> = {
  'lookaheads in a row': (depth) => `${'(?=a)'.repeat(depth)}a`,
  'lookaheads after each other': (depth) => '(?=a)a'.repeat(depth),
  'lookaheads that may be left out': (depth) => '(?:(?=a)a)?'.repeat(depth),
  'choices of lookaheads': (depth) => '(?:(?=a)a|(?!b)c)'.repeat(depth),
  repetitions: (depth) => `a${'*'.repeat(depth)}`,
  braces: (depth) => `a${'{1}'.repeat(depth)}`,
  'open braces': (depth) => '{1'.repeat(depth),
  alternatives: (depth) => `a${'|b'.repeat(depth)}`,
  characters: (depth) => 'a'.repeat(depth),
  'brackets in a class': (depth) => `${'['.repeat(depth)}]`,
  'characters of a class': (depth) => `[${'ab'.repeat(depth)}]`,
  'classes of a class': (depth) => `[${'\\d\\w'.repeat(depth)}]`,
  backslashes: (depth) => '\\'.repeat(depth),
  assertions: (depth) => `${'^'.repeat(depth)}a${'\\b$'.repeat(depth)}`,
};

type NestValue = (depth: number) => unknown;
const within =
  (wrap: (inner: unknown) => unknown, core: unknown = true): NestValue =>
  (depth) => {
    let value = core;
    for (let i = 0; i < depth; i++) value = wrap(value);
    return value;
  };
const listed = within((inner) => [inner], 1);
const defined =
  (link: (next: string) => unknown, last: unknown): NestValue =>
  (depth) => ({
    $ref: '#/$defs/d0',
    $defs: Object.fromEntries([
      ...Array.from({ length: depth }, (_, i) => [`d${i}`, link(`#/$defs/d${i + 1}`)]),
      [`d${depth}`, last],
    ]),
  });

const SCHEMAS: Readonly<Record<string, NestValue>> = {
  ...Object.fromEntries(
    [
      'items',
      'additionalItems',
      'contains',
      'not',
      'if',
      'then',
      'else',
      'additionalProperties',
      'propertyNames',
      'unevaluatedItems',
      'unevaluatedProperties',
      'contentSchema',
      'unknownWord',
      'x-extension',
      'default',
      '$schema',
      'markdownDescription',
    ].map((word) => [word, within((inner) => ({ [word]: inner }))]),
  ),
  ...Object.fromEntries(
    ['allOf', 'anyOf', 'oneOf', 'prefixItems', 'items'].map((word) => [
      `${word}, a list`,
      within((inner) => ({ [word]: [inner] })),
    ]),
  ),
  ...Object.fromEntries(
    ['properties', 'patternProperties', 'dependentSchemas', 'dependencies', '$defs', 'definitions'].map((word) => [
      word,
      within((inner) => ({ [word]: { a: inner } })),
    ]),
  ),
  'required properties': within((inner) => ({
    type: 'object',
    properties: { a: inner },
    required: ['a'],
    additionalProperties: false,
  })),
  'lists of one': within((inner) => ({ type: 'array', items: inner, minItems: 1 })),
  'choices of two': within((inner) => ({ anyOf: [inner, { type: 'null' }] })),
  conditions: within((inner) => ({ if: inner, then: { type: 'string' }, else: { type: 'null' } })),
  'const, of lists': (depth) => ({ const: listed(depth) }),
  'const, of objects': (depth) => ({ const: within((inner) => ({ a: inner }), 1)(depth) }),
  enum: (depth) => ({ enum: [1, listed(depth)] }),
  examples: (depth) => ({ examples: [listed(depth)] }),
  'a list for a word': (depth) => ({ minimum: listed(depth) }),
  'a list for a type': (depth) => ({ type: listed(depth) }),
  'a list for a schema': listed,
  references: defined(($ref) => ({ $ref }), true),
  'references in items': defined(($ref) => ({ type: 'array', items: { $ref }, minItems: 1 }), true),
  'references in properties': defined(
    ($ref) => ({ type: 'object', properties: { a: { $ref } }, required: ['a'] }),
    true,
  ),
  'references in not': defined(($ref) => ({ not: { $ref } }), true),
  'references beside unevaluatedProperties': (depth) => ({
    unevaluatedProperties: false,
    ...(defined(($ref) => ({ $ref }), true)(depth) as object),
  }),
  'a pointer': (depth) => ({ $ref: `#${'/a'.repeat(depth)}` }),
  'identifiers and references to them': (depth) => ({
    allOf: Array.from({ length: depth >> 3 }, (_, i) => ({ $ref: `urn:x:${i}` })),
    $defs: Object.fromEntries(Array.from({ length: depth >> 3 }, (_, i) => [`d${i}`, { $id: `urn:x:${i}` }])),
  }),
  'a pattern': (depth) => ({ type: 'string', pattern: around('(', 'a', ')')(depth) }),
};

/** Compiles and takes a first mask; gives the grammar, or what was refused. All other failures fail the test. */
function attempt(compile: () => Grammar): Grammar | string {
  try {
    const grammar = compile();
    new GrammarMatcher(grammar, byteIndex).mask();
    return grammar;
  } catch (error) {
    if (!isStarlingError(error, 'invalid_grammar')) throw error;
    expect(error.message.length).toBeLessThan(1000);
    return (error.details.limit as string | undefined) ?? error.message;
  }
}

/** Deep, and on both sides of where limits are. */
const DEPTHS = [DEEP, LIMITS.nesting + 1, LIMITS.nesting - 1, 60];

describe.each(DEPTHS)('%i levels', (depth) => {
  it.each(Object.entries(GBNF))('of a grammar: %s', (_, nest) => void attempt(() => compileGbnf(nest(depth))));
  it.each(Object.entries(REGEX))('of an expression: %s', (_, nest) => {
    attempt(() => compileRegex(nest(depth)));
    if (depth === 60) attempt(() => compileRegex(nest(depth), { match: 'search', flags: 'i' }));
    attempt(() => lazyGrammar(compileRegex('a'), { triggers: [{ pattern: nest(depth) }] }));
  });
  it.each(Object.entries(SCHEMAS))('of a schema: %s', (_, nest) => {
    const schema = nest(depth);
    attempt(() => compileJsonSchema(schema));
    attempt(() => compileToolCalls([{ function: { name: 'f', parameters: schema } }], { choice: 'required' }));
  });
});

describe('long expressions', () => {
  it.each(Object.entries(LONG_REGEX))('%s', (_, nest) => {
    for (const length of [30, 3_000]) attempt(() => compileRegex(nest(length)));
    expect(['textLength', 'nfaStates', 'lookaheads']).toContain(
      attempt(() => compileRegex(`${nest(DEEP)}${'a'.repeat(LIMITS.textLength)}`)),
    );
  });
});

describe('depth', () => {
  it('of rules is free', () => {
    for (const depth of [5_000, 40_000]) {
      for (const name of [
        'rules by name alone',
        'rules in reverse order',
        'plain repetitions',
        'alternatives on lines',
        'spaces',
        'comments',
        'characters of a class',
      ]) {
        const grammar = attempt(() => compileGbnf(GBNF[name](depth)));
        expect([name, typeof grammar === 'string' ? grammar : takes(grammar, 'a')]).toEqual([name, true]);
      }
    }
    const counted = attempt(() => compileGbnf(GBNF['rules after text'](5_000)));
    expect(
      typeof counted === 'string'
        ? counted
        : ['a'.repeat(5_001), 'a'.repeat(5_000)].map((text) => takes(counted, text)),
    ).toEqual([true, false]);
  });

  it('of groups and values has a limit with a name', () => {
    for (const name of ['groups', 'groups never closed', 'numbered repetitions'])
      expect([name, attempt(() => compileGbnf(GBNF[name](DEEP)))]).toEqual([name, 'nesting']);
    for (const name of ['groups', 'groups that do not capture', 'repetitions of groups', 'lookaheads'])
      expect([name, attempt(() => compileRegex(REGEX[name](DEEP)))]).toEqual([name, 'nesting']);
    expect(attempt(() => compileRegex(LONG_REGEX['lookaheads in a row'](3_000)))).toBe('lookaheads');
    for (const name of [
      'items',
      'not',
      'unknownWord',
      'default',
      'const, of lists',
      'const, of objects',
      'enum',
      'a list for a type',
      'a list for a schema',
      'references in not',
    ])
      for (const depth of [5_000, 1_000])
        expect([name, attempt(() => compileJsonSchema(SCHEMAS[name](depth)))]).toEqual([name, 'nesting']);
  });

  it('within the limit works', () => {
    const depth = LIMITS.nesting - 2;
    const text = `${'['.repeat(depth)}1${']'.repeat(depth)}`;
    for (const schema of [
      SCHEMAS['const, of lists'](depth),
      within((inner) => ({ items: inner, type: 'array' }), { type: 'integer' })(depth >> 1),
    ]) {
      const grammar = compileJsonSchema(schema);
      const isConst = 'const' in (schema as object);
      expect(takes(grammar, isConst ? text : `${'['.repeat(depth >> 1)}1${']'.repeat(depth >> 1)}`)).toBe(true);
      expect(takes(grammar, '[1]')).toBe(false);
    }
    const groups = compileGbnf(GBNF['everything in groups'](200));
    expect(takes(groups, `${'c'.repeat(200)}a${'d'.repeat(200)}`)).toBe(true);
    expect(takes(compileRegex(REGEX['everything in groups'](200)), `${'c'.repeat(200)}a${'d'.repeat(200)}`)).toBe(true);
  });

  it('of an output is followed, or refused', () => {
    for (const rules of [
      'a\na ::= "x" (a "y"?)?',
      'a\na ::= "x" a? "y"?',
      'a\na ::= "x" a | "x" b\nb ::= "x" b "y" | "z"?',
      '"x" root | ""',
      'a\na ::= b?\nb ::= "x" (c "y"?)?\nc ::= a "z"?',
    ]) {
      const matcher = new GrammarMatcher(compileGbnf(`root ::= ${rules}`), byteIndex);
      try {
        for (let i = 0; i < 1_500; i++) {
          matcher.advance('x'.charCodeAt(0));
          if (i === 1_400) matcher.mask();
        }
      } catch (error) {
        expect(error).toMatchObject({ code: 'invalid_grammar', details: { limit: 'threads' } });
      }
    }
  });
});

describe('an output that is as deep as it is long', () => {
  it.each([
    ['a schema', () => compileJsonSchema({}), '['],
    ['a grammar', () => compileGbnf('root ::= "(" root ")" | "x"'), '('],
  ])('by %s is looked through for its end', (_, compile, open) => {
    const depth = 12_000;
    const matcher = new GrammarMatcher(compile(), byteIndex);
    for (let i = 0; i < depth; i++) matcher.advance(open.charCodeAt(0));
    // It is too far away to be found; looking for it takes no stack.
    for (const limit of [10, 3 * depth]) expect(matcher.ending(limit)).toBeUndefined();
  });
});

describe('a schema that is not JSON', () => {
  const loop: Record<string, unknown> = { type: 'array' };
  loop.items = loop;
  const wide = within((inner) => [inner, inner], 1)(200);

  it.each<[string, unknown, object]>([
    ['with itself inside', loop, { limit: 'nesting' }],
    ['that is shared many times', { const: wide }, { limit: 'schemaValues' }],
    ['with a big integer', { const: [1, 5n] }, { path: '/const/1' }],
    ['with a function', { 'a/b': { c: () => 1 } }, { path: '/a~1b/c' }],
    ['with NaN', { enum: [NaN] }, { path: '/enum/0' }],
    ['with a hole', { enum: [1, undefined] }, { path: '/enum/1' }],
    ['that is nothing', undefined, { path: '' }],
  ])('%s is refused', (_, schema, details) => {
    const refusal = expect.objectContaining({ code: 'invalid_grammar', details: expect.objectContaining(details) });
    expect(() => checkSchemaValues(schema)).toThrow(refusal);
    expect(() => compileJsonSchema(schema)).toThrow(refusal);
  });

  it('may leave keywords undefined', () =>
    expect(() => checkSchemaValues({ minimum: undefined, type: 'number' })).not.toThrow());
});
