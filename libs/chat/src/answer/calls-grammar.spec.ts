import { compileJsonSchema, compileToolCalls, frameGrammar } from '@starling/grammar';
import { expectCalls, isValidCall, tools } from './calls-grammar.test-support.js';
import { OWN_TEMPLATES } from './own-templates.test-support.js';
import { written } from './round-trip.test-support.js';
import { randomSource, randomWalk } from './walk.test-support.js';

/** Ways to write answers in which JSON was fenced. */
const fenced = new Set<string>();

describe.each(Object.entries(OWN_TEMPLATES))('the grammar of calls as %s writes them', (name, source) => {
  const template = written(source);
  const { parser } = template;
  const { format } = parser;
  const read = (text: string): ReturnType<typeof parser.parse> =>
    parser.parse(text, { tools, prompt: format.header + format.begun });

  it('makes calls that are read back, with arguments that are valid', () => {
    expectCalls(template, 0, 12);
  });

  it('leaves prose as it is where calls may come, and makes whole calls of those that begin', () => {
    const grammar = compileToolCalls(tools, { format, propertyOrder: 'schema' });
    for (let seed = 0; seed < 8; seed++) {
      const text = randomWalk(grammar, randomSource(seed), 8 * seed);
      for (const { function: called } of read(text).tool_calls ?? [])
        expect([text, isValidCall(called.name, String(called.arguments))]).toEqual([text, true]);
    }
  });

  it('lets no call begin where none may', () => {
    const grammar = compileToolCalls(tools, { format, choice: 'none' });
    for (let seed = 0; seed < 8; seed++)
      expect(read(randomWalk(grammar, randomSource(seed), 40)).tool_calls).toBeUndefined();
  });

  it('holds content to a schema behind reasoning', () => {
    const grammar = frameGrammar(
      compileJsonSchema({
        type: 'object',
        properties: { a: { type: 'integer' } },
        required: ['a'],
        additionalProperties: false,
      }),
      { format, isJson: true },
    );
    for (let seed = 0; seed < 8; seed++) {
      const text = randomWalk(grammar, randomSource(seed), 40);
      const { content } = parser.parse(text, { prompt: format.header + format.begun, isJson: true });
      expect([text, JSON.parse(content ?? '')]).toEqual([text, { a: expect.any(Number) }]);
      if (text.includes('```')) fenced.add(name);
    }
  });
});

it('JSON may be fenced by models that have the habit, and by no others', () => {
  expect([...fenced].sort()).toEqual(['deepseek', 'dsml', 'gemma', 'nested']);
});
