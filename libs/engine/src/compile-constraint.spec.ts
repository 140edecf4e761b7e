import { jest } from '@jest/globals';
import { collected } from '../../../tools/jest/collected.js';
import { byteTokenizer } from './testing/byte-tokenizer.js';
import { constraintCompiler } from './compile-constraint.js';
import type { OutputConstraint } from './generate-types.js';

const nested = (wrap: (inner: unknown) => unknown, depth: number): unknown => {
  let value: unknown = true;
  for (let i = 0; i < depth; i++) value = wrap(value);
  return value;
};

/** A grammar of 5,000 rules that may all come behind a beginning. */
function manyReadings(beginning: string): string {
  const names = Array.from({ length: 5000 }, (_, i) => `r${i}`);
  return [`root ::= ${beginning} (${names.join(' | ')})`, ...names.map((name) => `${name} ::= "a" ${name} | "b"`)].join(
    '\n',
  );
}

function refusalOf(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('constraintCompiler', () => {
  it.each<[string, (inner: unknown) => unknown]>([
    ['items', (inner) => ({ items: inner })],
    ['not', (inner) => ({ not: inner })],
    ['unknown words', (inner) => ({ word: inner })],
    ['const', (inner) => ({ const: inner })],
    ['lists', (inner) => [inner]],
  ])('refuses schemas of many levels of %s before it makes a text of them', (_, wrap) => {
    const stringify = jest.spyOn(JSON, 'stringify');
    const compile = constraintCompiler(byteTokenizer(), 259);
    for (const depth of [1_000, 5_000, 100_000]) {
      const refusal = refusalOf(() => compile({ jsonSchema: nested(wrap, depth) }));
      expect(refusal).toMatchObject({ code: 'invalid_grammar', details: { param: 'jsonSchema', limit: 'nesting' } });
      const tools = [
        {
          type: 'function' as const,
          function: { name: 'f', parameters: nested(wrap, depth) as Record<string, unknown> },
        },
      ];
      expect(refusalOf(() => compile({ toolCalls: { tools } }))).toMatchObject({
        code: 'invalid_grammar',
        details: { param: 'toolCalls', limit: 'nesting' },
      });
    }
    expect(stringify).not.toHaveBeenCalled();
    stringify.mockRestore();
  });

  it('holds nothing of the request that it refused: errors know the calls that they came from', async () => {
    const compile = constraintCompiler(byteTokenizer(), 259);
    const request = (): WeakRef<object> => {
      const body = { grammar: 'root ::= "' };
      expect(refusalOf(() => compile({ ...body }))).toMatchObject({ code: 'invalid_grammar' });
      return new WeakRef(body);
    };
    const first = request();
    await collected(first);
    expect(refusalOf(() => compile({ grammar: 'root ::= "' }))).toMatchObject({
      code: 'invalid_grammar',
      details: { param: 'grammar' },
    });
  });

  it('refuses what is no JSON', () => {
    const compile = constraintCompiler(byteTokenizer(), 259);
    expect(refusalOf(() => compile({ jsonSchema: { const: 5n } }))).toMatchObject({
      code: 'invalid_grammar',
      details: { param: 'jsonSchema', path: '/const' },
    });
  });

  it.each<[string, OutputConstraint]>([
    ['a grammar', { grammar: 'root ::= ((("a"?){300}){300}){300}' }],
    ['an expression', { regex: '(a|b)*a(a|b){25}' }],
    ['a schema', { jsonSchema: { type: 'string', pattern: '(a|b)*a(a|b){25}' } }],
  ])('remembers that it refused %s', (_, constraint) => {
    const compile = constraintCompiler(byteTokenizer(), 259);
    const first = refusalOf(() => compile(constraint));
    expect(first).toMatchObject({
      code: 'invalid_grammar',
      details: { limit: expect.any(String), param: Object.keys(constraint)[0] },
    });
    // Sets of states are numbered by maps: none is made where nothing is worked out.
    const setMove = jest.spyOn(Map.prototype, 'set');
    const second = refusalOf(() => compile({ ...constraint }));
    const steps = setMove.mock.calls.length;
    // Who asks for the first time learns nothing of others.
    const others = refusalOf(() => compile({ ...constraint }, 'another tenant'));
    const stepsOfOther = setMove.mock.calls.length - steps;
    setMove.mockRestore();
    expect(steps).toBeLessThan(10);
    expect(stepsOfOther).toBeGreaterThan(20);
    expect(others).toEqual(first);
    expect(second).toEqual(first);
    expect(second).not.toBe(first);
  });

  it.each<[string, OutputConstraint, object]>([
    [
      'that names a token which is not there',
      { grammar: 'root ::= "a" r\nr ::= "b" <[5000]>' },
      { param: 'grammar', token: 5000 },
    ],
    ['that can be read in too many ways', { grammar: manyReadings('') }, { param: 'grammar', limit: 'threads' }],
    [
      'with a tool of a schema that is none, beside a schema',
      {
        jsonSchema: { type: 'object' },
        toolCalls: { tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'nonsense' } } }] },
      },
      { param: 'toolCalls', tool: 'f' },
    ],
    [
      'with texts that nobody could keep',
      { jsonSchema: { const: 'x'.repeat(9_000_000) } },
      { param: 'jsonSchema', limit: 'constraintCharacters' },
    ],
  ])('refuses a grammar %s before an answer is begun', (_, constraint, details) => {
    const compile = constraintCompiler(byteTokenizer(), 259);
    for (let i = 0; i < 2; i++)
      expect(refusalOf(() => compile(constraint))).toMatchObject({ code: 'invalid_grammar', details });
  });

  it('says of a refusal in the middle of an answer what it is of', () => {
    const compile = constraintCompiler(byteTokenizer(), 259);
    const matcher = compile({ grammar: manyReadings('"x"') });
    const expected = { code: 'invalid_grammar', details: { param: 'grammar', limit: 'threads' } };
    expect(refusalOf(() => matcher.advance('x'.charCodeAt(0)))).toMatchObject(expected);
    expect(refusalOf(() => matcher.fork().accepts('x'.charCodeAt(0)))).toMatchObject(expected);
  });

  it('takes up a compiled grammar again, and compiles other ones', () => {
    const compile = constraintCompiler(byteTokenizer(), 259);
    for (let i = 0; i < 200; i++) {
      const matcher = compile({ regex: `x${i % 70}` });
      matcher.advance('x'.charCodeAt(0));
      expect([matcher.accepts(48 + (i % 10)), matcher.accepts(String(i % 70).charCodeAt(0))]).toEqual([
        i % 70 < 10 || String(i % 70)[0] === String(i % 10),
        true,
      ]);
    }
    expect(refusalOf(() => compile({ regex: '(' }))).toMatchObject({ code: 'invalid_grammar' });
    expect(compile({ grammar: 'root ::= "("' }).accepts(40)).toBe(true);
  });
});
