import { jest } from '@jest/globals';
import { PackedStrings } from '@starling/core';
import { GrammarMatcher, atOnce, maskAllows, type AnswerFormat } from '@starling/grammar';
import { tokenizerFromGguf } from '@starling/tokenizer';
import { constraintCompiler } from './compile-constraint.js';
import type { OutputConstraint } from './generate-types.js';
import { LimitGuard } from './limit-guard.js';

/** A vocabulary of printable characters, the line end and the space among them, and an end. */
const characters = ['\u010a', '\u0120', ...Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i))];
const vocabulary = {
  'tokenizer.ggml.model': 'gpt2',
  'tokenizer.ggml.tokens': PackedStrings.from([...characters, '<end>']),
  'tokenizer.ggml.token_type': Int32Array.from([...characters.map(() => 1), 3]),
  'tokenizer.ggml.merges': PackedStrings.from([]),
  'tokenizer.ggml.eos_token_id': characters.length,
};
const tokenizer = tokenizerFromGguf(new Map<string, unknown>(Object.entries(vocabulary)));
const compile = constraintCompiler(tokenizer, tokenizer.vocabSize);

/** An answer that draws any allowed token, each as likely as the others: it would hardly ever end by itself. */
function ramble(constraint: OutputConstraint, limit: number, random: () => number): string {
  const matcher = compile(constraint);
  const guard = new LimitGuard();
  let text = '';
  for (let remaining = limit; remaining > 0 && !matcher.isDone; remaining--) {
    const mask = matcher.mask();
    const open = Array.from({ length: tokenizer.vocabSize }, (_, id) => id).filter((id) => maskAllows(mask, id));
    const drawn = open[Math.floor(random() * open.length)];
    const id = atOnce(guard.choose(matcher, drawn, tokenizer.isEndOfGeneration(drawn), remaining));
    if (tokenizer.isEndOfGeneration(id)) return text;
    matcher.advance(id);
    text += tokenizer.decode([id]);
  }
  return text;
}

/** Numbers in [0, 1) from a seed (Park and Miller, 1988). */
function uniform(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}

describe('an answer to a schema', () => {
  it.each([
    ['an open object', { type: 'object' }],
    [
      'open strings and lists',
      {
        type: 'object',
        properties: { name: { type: 'string' }, tags: { type: 'array', items: { type: 'string', minLength: 2 } } },
        required: ['name', 'tags'],
      },
    ],
    ['numbers', { type: 'array', items: { type: 'number' }, minItems: 3 }],
    [
      'fixed words',
      {
        type: 'object',
        properties: { color: { enum: ['red', 'green'] }, ok: { const: true } },
        required: ['color', 'ok'],
        additionalProperties: false,
      },
    ],
  ])('with %s is whole within its limit, however the model rambles', (_, jsonSchema) => {
    for (let seed = 1; seed <= 40; seed++)
      expect(() => JSON.parse(ramble({ jsonSchema }, 100, uniform(seed)))).not.toThrow();
  });

  it('that no limit leaves room for is seldom looked at for an ending', () => {
    const searches = jest.spyOn(GrammarMatcher.prototype, 'endingSteps');
    try {
      ramble({ jsonSchema: { type: 'array', minItems: 50_000, items: { type: 'boolean' } } }, 100, uniform(1));
      expect(searches.mock.calls.length).toBeGreaterThan(0);
      expect(searches.mock.calls.length).toBeLessThan(10);
    } finally {
      searches.mockRestore();
    }
  });

  it.each([true, false])('that is a call of a tool (parallel: %s) is whole within its limit', (parallel) => {
    const tools = [
      {
        type: 'function' as const,
        function: {
          name: 'weather',
          parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
        },
      },
    ];
    for (let seed = 1; seed <= 40; seed++) {
      const text = ramble({ toolCalls: { tools, choice: 'required', parallel, format: 'hermes' } }, 160, uniform(seed));
      expect(text).toMatch(/^\s*<tool_call>[^]*<\/tool_call>\s*$/);
      for (const call of text.split('<tool_call>').slice(1))
        expect(JSON.parse(call.slice(0, call.indexOf('</tool_call>')))).toMatchObject({
          name: 'weather',
          arguments: { city: expect.any(String) },
        });
    }
  });

  it('is left as drawn when no valid text fits, and far from the limit', () => {
    expect(ramble({ jsonSchema: { type: 'string', minLength: 50 } }, 20, uniform(3))).toHaveLength(20);
    const matcher = compile({ jsonSchema: { type: 'string' } });
    expect(atOnce(new LimitGuard().choose(matcher, characters.indexOf('"'), false, 100_000))).toBe(
      characters.indexOf('"'),
    );
  });
});

describe('a call of a tool', () => {
  const parameters = {
    type: 'object',
    properties: {
      city: { type: 'string', minLength: 3 },
      days: { type: 'integer', minimum: 10 },
      note: { type: 'string' },
      tags: { type: 'array', items: { type: 'string' } },
    },
    required: ['city', 'days'],
    additionalProperties: false,
  };
  const tools = [{ type: 'function' as const, function: { name: 'weather', parameters } }];
  const tagged: AnswerFormat = {
    header: '',
    begun: '',
    contentStart: '',
    contentEnds: [],
    turnEnd: '',
    calls: {
      sectionStart: '',
      sectionEnd: '',
      callStart: '<tool_call>\n<function=',
      callEnd: '</function>\n</tool_call>',
      separator: '\n',
      isSingle: false,
      body: {
        kind: 'tagged',
        nameEnd: '>\n',
        argumentStart: '<parameter=',
        valueStart: { before: '>\n', after: '' },
        valueEnd: '\n</parameter>\n',
        valuePadding: ['\n', '\n'],
      },
    },
  };

  it.each<[string, NonNullable<OutputConstraint['toolCalls']>['format'], RegExp]>([
    ['a list', 'mistral', /^\s*\[TOOL_CALLS\]\s*\[\s*(\{.*\})\s*\]$/s],
    ['tags', tagged, /^\s*<tool_call>\s*<function=weather>.*<\/function>\s*<\/tool_call>\n?$/s],
  ])('written as %s is whole within its limit, however the model rambles', (_, format, whole) => {
    for (let seed = 1; seed <= 5; seed++)
      expect(ramble({ toolCalls: { tools, choice: 'required', format } }, 260, uniform(seed))).toMatch(whole);
  });

  it('is not begun anew where a second one has no room, and prose is left as it is', () => {
    const constraint = { toolCalls: { tools, choice: 'auto' as const, format: 'hermes' as const } };
    const matcher = compile(constraint);
    const guard = new LimitGuard();
    const take = (text: string, remaining: number): string => {
      const id = atOnce(guard.choose(matcher, characters.indexOf(text), false, remaining));
      if (tokenizer.isEndOfGeneration(id)) return '';
      matcher.advance(id);
      return characters[id];
    };
    expect(take('x', 1)).toBe('x');
    const call = '<tool_call>{"name":"weather","arguments":{"city":"Rom","days":10}}</tool_call>';
    for (const char of call) expect(take(char, 10_000)).toBe(char);
    expect(take('<', 20)).toBe('');
  });
});
