import { compileToolCalls, type Grammar, type ReasoningStart } from '@starling/grammar';
import { Ajv } from 'ajv';
import type { ToolDefinition } from '../messages.js';
import type { Written } from './round-trip.test-support.js';
import { randomSource, randomWalk } from './walk.test-support.js';

/** Tools with arguments of all types. */
export const tools: readonly ToolDefinition[] = [
  {
    type: 'function',
    function: {
      name: 'get_weather',
      description: 'The weather of a place.',
      parameters: {
        type: 'object',
        properties: {
          city: { type: 'string', minLength: 1 },
          days: { type: 'integer', minimum: 1, maximum: 14 },
          unit: { enum: ['celsius', 'fahrenheit'] },
          when: { anyOf: [{ type: 'string' }, { type: 'number' }, { type: 'null' }] },
          zip: { $ref: '#/$defs/zip' },
          tags: { type: 'array', items: { type: 'string' }, maxItems: 3 },
          near: {
            type: 'object',
            properties: { lat: { type: 'number' }, lon: { type: 'number' } },
            required: ['lat', 'lon'],
            additionalProperties: false,
          },
          exact: { type: 'boolean' },
        },
        required: ['city', 'days'],
        additionalProperties: false,
        $defs: { zip: { type: 'string', pattern: '^[0-9]{3}$' } },
      },
    },
  },
  {
    type: 'function',
    function: { name: 'now', description: 'The time.', parameters: { type: 'object', properties: {}, required: [] } },
  },
  {
    type: 'function',
    function: {
      name: 'note',
      description: 'Takes a note.',
      parameters: {
        type: 'object',
        properties: { text: { type: 'string' }, level: { type: ['integer', 'string'] }, any: {} },
        required: ['text'],
      },
    },
  },
];
const ajv = new Ajv({ strict: false });
const validators = new Map(tools.map(({ function: { name, parameters } }) => [name, ajv.compile(parameters ?? {})]));

/** Whether the arguments of a call, in JSON, are valid by its tool's schema. */
export function isValidCall(name: string, text: string): boolean {
  return validators.get(name)?.(JSON.parse(text)) === true;
}

const STARTS: readonly ReasoningStart[] = ['closed', 'allowed', 'open'];

/**
 * Random answers that have to call tools, read back: only calls, of tools that are allowed, with arguments that are valid.
 * @param count walks; their seeds begin at `first`
 */
export function expectCalls({ parser }: Written, first: number, count: number): void {
  const { format } = parser;
  const known = new Map<string, Grammar>();
  for (let seed = first; seed < first + count; seed++) {
    const random = randomSource(seed);
    const choice = seed % 4 === 3 ? { name: tools[seed % tools.length].function.name } : ('required' as const);
    const parallel = seed % 5 !== 4;
    const reasoning = STARTS[seed % 3];
    const options = { choice, parallel, reasoning, propertyOrder: 'schema', escapes: 'minimal' } as const;
    const key = JSON.stringify(options);
    const grammar = known.get(key) ?? compileToolCalls(tools, { format, ...options });
    known.set(key, grammar);
    const text = randomWalk(grammar, random, Math.floor(random() * 100));
    const reader = parser.reader({
      tools,
      prompt: format.header + format.begun + (reasoning === 'open' ? (format.reasoning?.start ?? '') : ''),
    });
    reader.push(text);
    reader.end();
    const { content, tool_calls: calls = [] } = reader.message;
    const shown = JSON.stringify({ seed, text });
    expect([shown, content, reader.isCut, calls.length > 0, parallel || calls.length === 1]).toEqual([
      shown,
      null,
      false,
      true,
      true,
    ]);
    for (const { function: called } of calls) {
      expect([shown, called.name, isValidCall(called.name, String(called.arguments))]).toEqual([
        shown,
        typeof choice === 'string' ? called.name : choice.name,
        true,
      ]);
    }
  }
}
