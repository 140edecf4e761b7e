import { fakeVocabulary, takes, THINK } from '../match/fake-vocabulary.test-support.js';
import { GrammarIndex } from '../match/grammar-index.js';
import { GrammarMatcher } from '../match/grammar-matcher.js';
import { compileToolCalls, type Tool } from './compile-tool-calls.js';
import type { ToolCallFormatName } from './tool-call-format.js';

const TOOLS: readonly Tool[] = [
  {
    type: 'function',
    function: {
      name: 'get_weather',
      parameters: {
        type: 'object',
        properties: { city: { type: 'string' }, days: { type: 'integer', minimum: 1 } },
        required: ['city'],
        additionalProperties: false,
      },
    },
  },
  { type: 'function', function: { name: 'get_time' } },
];
const weather = '{"city": "Bern"}';

describe('tool calls', () => {
  it.each<[ToolCallFormatName, string, string, string]>([
    [
      'hermes',
      `<tool_call>\n{"name": "get_weather", "arguments": ${weather}}\n</tool_call>`,
      '<tool_call>\n{"name": "get_time", "arguments": {}}\n</tool_call>',
      '\n',
    ],
    ['jsonList', `[{"name": "get_weather", "arguments": ${weather}}`, '{"name": "get_time", "arguments": {}}]', ', '],
    [
      'mistral',
      `[TOOL_CALLS][{"name": "get_weather", "arguments": ${weather}}`,
      '{"name":"get_time","arguments":{}}]',
      ', ',
    ],
    ['functionTag', `<function=get_weather>${weather}</function>`, '<function=get_time>{}</function>', '\n'],
  ])('in the format %s, one or several', (format, first, second, between) => {
    const close = format === 'jsonList' || format === 'mistral' ? ']' : '';
    for (const choice of ['auto', 'required'] as const) {
      const grammar = compileToolCalls(TOOLS, { format, choice });
      const spaced = between === '\n' ? [`${first}\n`, `${first}\n${second}\n`] : [];
      for (const text of [first + close, first + between + second, ...spaced])
        expect([choice, text, takes(grammar, text)]).toEqual([choice, text, true]);
      for (const text of [
        first.replace('Bern"', 'Bern", "x": 1') + close,
        first.replace('get_weather', 'get_rain') + close,
        first.replace('"city"', '"town"') + close,
        first,
      ]) {
        // Where a call is told by the name of its tool, other names are prose.
        const isProse = choice === 'auto' && format === 'functionTag' && text.includes('get_rain');
        if (text !== first || close !== '')
          expect([choice, text, takes(grammar, text)]).toEqual([choice, text, isProse]);
      }
      expect(takes(grammar, 'The weather is fine.')).toBe(choice === 'auto');
    }
    expect(
      takes(compileToolCalls(TOOLS, { format, parallel: false, choice: 'required' }), first + between + second),
    ).toBe(false);
  });

  it.each<[ToolCallFormatName, string]>([
    ['json', 'arguments'],
    ['llama3', 'parameters'],
  ])('in the format %s, one', (format, key) => {
    const grammar = compileToolCalls(TOOLS, { format });
    const call = `{"name": "get_weather", "${key}": {"days": 2, "city": "Bern"}}`;
    expect(
      [call, ` ${call.replaceAll(' ', '')}`, 'Prose {"name"', '', 'é'].map((text) => takes(grammar, text)),
    ).toEqual([true, true, true, true, true]);
    expect([`{"a": 1}`, '{', call + call, call.replace('2', '0'), ` \n{x`].map((text) => takes(grammar, text))).toEqual(
      [false, false, false, false, false],
    );
  });

  it('lets prose come before a marker, and calls only after it', () => {
    const grammar = compileToolCalls(TOOLS);
    const call = '<tool_call>{"name": "get_time", "arguments": {}}</tool_call>';
    expect(
      [`I will look. ${call}`, `a < b <tool ${call}`, `${call}\n${call}`, `${call} done`, 'x <tool_call> y'].map(
        (text) => takes(grammar, text),
      ),
    ).toEqual([true, true, true, false, false]);
  });

  it('takes the marker as a control token where the vocabulary has one', () => {
    const index = new GrammarIndex({
      ...fakeVocabulary(),
      idOf: (text) => (text === '<tool_call>' ? THINK : undefined),
    });
    for (const choice of ['auto', 'required'] as const) {
      const matcher = new GrammarMatcher(compileToolCalls(TOOLS, { choice }), index);
      matcher.advance(THINK);
      for (const char of '\n{"name": "get_time", "arguments": {}}\n</tool_call>') matcher.advance(char.charCodeAt(0));
      expect(matcher.canEnd).toBe(true);
      matcher.advance(THINK);
      expect(matcher.canEnd).toBe(false);
    }
  });

  it('allows one tool when it is chosen', () => {
    const grammar = compileToolCalls(TOOLS, { choice: { name: 'get_time' }, format: 'json' });
    expect(
      [`{"name":"get_time","arguments":{}}`, `{"name":"get_weather","arguments":${weather}}`, 'no'].map((text) =>
        takes(grammar, text),
      ),
    ).toEqual([true, false, false]);
  });

  it('arguments are objects whatever the schema says', () => {
    const grammar = compileToolCalls([{ function: { name: 'f', parameters: true } }], {
      format: 'json',
      choice: 'required',
    });
    expect(['{"a": [1]}', '[1]', '1'].map((value) => takes(grammar, `{"name":"f","arguments":${value}}`))).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('takes any object for a schema that is too much to enforce where that is lenient, but for strict tools', () => {
    const parameters = { type: 'object', properties: { a: { type: 'string', format: 'json-string' } } };
    const tools = [{ function: { name: 'f', parameters } }];
    const grammar = compileToolCalls(tools, { format: 'json', lenient: true });
    expect(takes(grammar, '{"name":"f","arguments":{"b": 1}}')).toBe(true);
    expect(() => compileToolCalls(tools, { format: 'json', lenient: true, strict: ['f'] })).toThrow(
      /tool "f": JSON Schema/,
    );
    expect(() => compileToolCalls(tools, { format: 'json', lenient: true, strict: ['g'] })).not.toThrow();
  });

  it.each<[readonly Tool[], object, RegExp]>([
    [[], {}, /at least one tool/],
    [[TOOLS[0], TOOLS[0]], {}, /two tools/],
    [TOOLS, { choice: { name: 'other' } }, /not among the tools/],
    [[{ function: { name: '' } }], {}, /no name/],
    [
      [{ function: { name: 'f', parameters: { type: 'object', properties: { a: { format: 'json-string' } } } } }],
      {},
      /tool "f": JSON Schema at \/properties\/a\/format/,
    ],
    [[{ function: { name: 'f', parameters: { type: 'string' } } }], {}, /tool "f".*no finite/],
  ])('refuses %j %j', (tools, options, message) => {
    expect(() => compileToolCalls(tools, options)).toThrow(
      expect.objectContaining({ code: 'invalid_grammar', message: expect.stringMatching(message) }),
    );
  });
});
