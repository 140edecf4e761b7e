import type { Grammar } from '../machine/grammar.js';
import { GrammarIndex } from '../match/grammar-index.js';
import { GrammarMatcher, matcherSteps } from '../match/grammar-matcher.js';
import { compileRegex } from '../regex/compile-regex.js';
import { LIMITS } from '../limits.js';
import { compileJsonSchema, jsonSchemaSteps } from '../schema/compile-json-schema.js';
import { compileToolCalls, toolCallSteps } from '../tools/compile-tool-calls.js';
import { atOnce } from './at-once.js';
import { metered } from './spend-work.js';
import {
  automataOf,
  automaton,
  compileWith,
  compileWithin,
  type AutomatonData,
  type MadeAutomata,
} from './compilation.js';
import { Dfa } from './dfa.js';
import { packAutomata, unpackSteps } from './packed-automata.js';
import { factsOf } from './dfa-facts.js';

const vocabulary = {
  size: 257,
  bytesOf: (id: number) => Uint8Array.of(id),
  isControl: () => false,
  isEndOfGeneration: (id: number) => id === 256,
  idOf: () => undefined,
};
const index = new GrammarIndex(vocabulary);

/** What a grammar allows along a text, byte by byte. */
function allowedAlong(grammar: Grammar, text: string): number[][] {
  const matcher = new GrammarMatcher(grammar, index);
  const steps: number[][] = [[...matcher.mask().words]];
  for (const byte of Buffer.from(text)) {
    matcher.advance(byte);
    steps.push([...matcher.mask().words]);
  }
  return steps;
}

const object = {
  type: 'object',
  properties: {
    id: { type: 'string', format: 'uuid' },
    at: { type: 'string', format: 'date' },
    count: { type: 'integer', minimum: -3, maximum: 70 },
    code: { type: 'string', pattern: '^[a-c]{2,4}x?$', minLength: 3 },
  },
  required: ['id', 'at', 'count', 'code'],
  additionalProperties: false,
};
const text = '{"id":"0b1e0d2c-1111-4222-8333-444455556666","at":"2024-02-29","count":-2,"code":"abcx"}';

function* expression(source: string): Generator<undefined, Grammar> {
  return compileRegex(source);
}

const SOURCES: readonly (readonly [name: string, compile: () => Generator<undefined, Grammar>, text: string])[] = [
  ['a schema', () => jsonSchemaSteps(object, { propertyOrder: 'schema' }), text],
  [
    'a schema of alternatives',
    () =>
      jsonSchemaSteps({
        anyOf: [{ type: 'string', pattern: 'a+b' }, { type: 'number', multipleOf: 0.5 }, { enum: ['x', 1, null] }],
      }),
    '"aab"',
  ],
  [
    'a schema of items that differ',
    () =>
      jsonSchemaSteps({
        type: 'array',
        uniqueItems: true,
        items: { enum: Array.from({ length: 40 }, (_, i) => i) },
        minItems: 2,
        maxItems: 3,
      }),
    '[3,17]',
  ],
  ['an expression', () => expression('(?=.{3,5}$)[a-z]*\\d+'), 'ab12'],
  [
    'tools of which one is refused',
    () =>
      toolCallSteps(
        [
          {
            type: 'function',
            function: {
              name: 'g',
              parameters: { type: 'object', properties: { a: { type: 'string', pattern: '(x{1000}){1000}' } } },
            },
          },
          { type: 'function', function: { name: 'f', parameters: object } },
        ],
        { lenient: true },
      ),
    '',
  ],
  ['calls of tools', () => toolCallSteps([{ type: 'function', function: { name: 'f', parameters: object } }], {}), ''],
];

/** All that can be handed over. */
function buffersOf(made: MadeAutomata): ArrayBuffer[] {
  const data = made.filter((one): one is AutomatonData => 'table' in one);
  const views = data.flatMap(({ classStarts, table, labels, facts }) => [
    classStarts,
    table,
    labels,
    ...(facts ? [facts.live, facts.freeRuns] : []),
  ]);
  return [...new Set(views.map(({ buffer }) => buffer as ArrayBuffer))];
}

describe('automata of a compilation', () => {
  it.each(SOURCES)('make another of %s without work, which allows the same', (_, compile, output) => {
    // Written down with caches that are full and, in another thread, empty ones: it must not matter.
    const written = automataOf(() => atOnce(compile()));
    const whole = allowedAlong(atOnce(compile()), output);
    // What goes to another thread is gone here: nothing that is used again may be among it.
    const packed = structuredClone(packAutomata(written));
    const made = structuredClone(written, { transfer: buffersOf(written) });
    expect(atOnce(unpackSteps(packed))).toEqual(made);
    expect(allowedAlong(atOnce(compile()), output)).toEqual(whole);
    expect(structuredClone(automataOf(() => atOnce(compile())))).toEqual(made);
    expect(allowedAlong(atOnce(compileWith(made, compile())), output)).toEqual(whole);
    expect(made.length).toBeGreaterThan(0);
  });

  it('bring along what takes a look at all of their moves, where they are large', () => {
    const large = () => expression('(a|b)*a(a|b){12}');
    const made = structuredClone(automataOf(() => atOnce(large())));
    expect(made.filter((one) => 'facts' in one && one.facts)).toHaveLength(1);
    const data = made.find((one) => 'facts' in one && one.facts !== undefined) as AutomatonData;
    const readBack = atOnce(
      compileWith(
        [data],
        (function* () {
          return factsOf(automaton(() => new Dfa(new Int32Array(1), new Int32Array(1), new Int32Array(1), 0)));
        })(),
      ),
    );
    expect(readBack).toBe(data.facts);
    const { live, freeRuns } = factsOf(new Dfa(data.classStarts, data.table, data.labels, data.start, data.isTrim));
    expect(readBack).toEqual({ live, freeRuns });
  });

  it('have those among them that outputs come to first, where these are prepared', () => {
    const properties = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`property${i}`, { type: 'integer' }]));
    const schema = { type: 'object', properties: { inner: { type: 'object', properties } } };
    const prepared = function* (): Generator<undefined, Grammar> {
      const grammar = yield* jsonSchemaSteps(schema);
      yield* matcherSteps(grammar);
      return grammar;
    };
    const made = automataOf(() => atOnce(prepared()));
    const keysOf = (one: MadeAutomata[number]): number => ('labels' in one ? Math.max(...one.labels) : 0);
    expect(Math.max(...made.map(keysOf))).toBe(301);
    expect(Math.max(...automataOf(() => atOnce(jsonSchemaSteps(schema))).map(keysOf))).toBeLessThan(301);
    const grammar = atOnce(compileWith(structuredClone(made), prepared()));
    expect(allowedAlong(grammar, '{"inner":{"property7":1}}')).toEqual(
      allowedAlong(compileJsonSchema(schema), '{"inner":{"property7":1}}'),
    );
  });

  it('are those of the one source', () => {
    const made = automataOf(() => compileRegex('a*b'));
    expect(() => atOnce(compileWith(made.slice(1), expression('a*b')))).toThrow('other automata');
  });

  it('are refused as without them', () => {
    expect(() => automataOf(() => compileRegex('(x{1000}){1000}'))).toThrow(
      expect.objectContaining({ code: 'invalid_grammar' }),
    );
  });
});

describe('the work of a compilation', () => {
  const large = () => compileRegex('(a|b)*a(a|b){8}');

  it('is given up where it is more than was given', () => {
    expect(compileWithin(10_000, large)).toBeUndefined();
    expect(compileWithin(10_000_000, large)).toBeDefined();
    expect(compileWithin(10_000, () => compileRegex('ab*'))).toBeDefined();
    // Also inside of what says where a grammar was refused.
    const schema = { type: 'string', pattern: '^(a|b)*a(a|b){8}c$' };
    expect(compileWithin(10_000, () => compileJsonSchema(schema))).toBeUndefined();
    expect(
      compileWithin(10_000, () =>
        compileToolCalls(
          [{ type: 'function', function: { name: 'f', parameters: { type: 'object', properties: { a: schema } } } }],
          {},
        ),
      ),
    ).toBeUndefined();
  });

  it('is bounded for all automata of a grammar together', () => {
    expect(() => metered({ work: LIMITS.compileWork - 10, workLimit: Infinity }, large)).toThrow(
      expect.objectContaining({ code: 'invalid_grammar', details: expect.objectContaining({ limit: 'compileWork' }) }),
    );
  });
});
