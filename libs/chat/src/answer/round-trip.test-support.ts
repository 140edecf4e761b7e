import fc from 'fast-check';
import type { ChatMessage, ToolCall, ToolDefinition } from '../messages.js';
import { compileTemplate } from '../template.js';
import { deriveAnswerParser, type AnswerParser } from './answer-parser.js';
import type { AnswerMessage } from './answer-reader.js';
import type { AnswerDelta } from './call-sink.js';
import { HARD_REASONING, KEEP_REASONING, renderOf, type Render } from './probe.js';

/** An assistant's turn to be written by a template and read back. */
export interface Turn {
  readonly tools: readonly ToolDefinition[];
  readonly content: string;
  readonly reasoning: string;
  readonly calls: readonly { readonly name: string; readonly arguments: Readonly<Record<string, unknown>> }[];
}

/** What of a turn a template writes down: a template that drops reasoning, say, cannot have it read back. */
export interface Shown {
  readonly calls: boolean;
  readonly parallel: boolean;
  /** Content beside calls; alone it is always shown. */
  readonly content: boolean;
  readonly reasoning: boolean;
  readonly reasoningWithCalls: boolean;
}

/** A template, and how its answers are read. */
export interface Written {
  readonly render: Render;
  readonly parser: AnswerParser;
  readonly shown: Shown;
  /** Variables under which it shows most. */
  readonly variables: Readonly<Record<string, unknown>> | undefined;
}

/** Compiles a template and derives its parser, with a clock that stands still. */
export function written(source: string): Written {
  const template = compileTemplate(source, {
    bosToken: '<BOS>',
    eosToken: '<EOS>',
    now: () => ({ year: 2026, month: 1, day: 31, hour: 12, minute: 0, second: 0 }),
  });
  const render = renderOf(template);
  const ways = [undefined, KEEP_REASONING, HARD_REASONING].map((variables) => ({
    variables,
    shown: shownBy(render, variables),
  }));
  const size = ({ shown }: (typeof ways)[number]): number => Object.values(shown).filter(Boolean).length;
  const best = ways.reduce((most, way) => (size(way) > size(most) ? way : most));
  return { render, parser: deriveAnswerParser(template), ...best };
}

/** Whether a change of one thing in a message changes what is written. */
function shownBy(render: Render, variables: Written['variables']): Shown {
  const tools: ToolDefinition[] = ['first_tool', 'other_tool'].map((name) => ({
    type: 'function',
    function: { name, description: '', parameters: { type: 'object', properties: {}, required: [] } },
  }));
  const turn = {
    tools,
    content: 'some words',
    reasoning: 'some thoughts',
    calls: [{ name: 'first_tool', arguments: { a: 'x' } }],
  };
  const both = [...turn.calls, { name: 'other_tool', arguments: { b: 'y' } }];
  const differ = (a: Turn, b: Turn): boolean => {
    const [one, other] = [a, b].map((each) =>
      render(conversation(each, false), { tools, addGenerationPrompt: false, ...(variables && { variables }) }),
    );
    return one !== undefined && other !== undefined && one !== other;
  };
  const quiet = { ...turn, calls: [] };
  return {
    calls: differ(turn, { ...turn, calls: [{ name: 'first_tool', arguments: { a: 'z' } }] }),
    parallel: differ({ ...turn, calls: both }, turn),
    content: differ(turn, { ...turn, content: 'other words' }),
    reasoning: differ(quiet, { ...quiet, reasoning: 'other thoughts' }),
    reasoningWithCalls: differ(turn, { ...turn, reasoning: 'other thoughts' }),
  };
}

const QUESTION = 'A question?';

function conversation({ content, reasoning, calls }: Turn, hasNamedIds: boolean): ChatMessage[] {
  const toolCalls: ToolCall[] = calls.map(({ name, arguments: values }, i) => ({
    id: hasNamedIds ? `functions.${name}:${i}` : `callid00${i}`,
    type: 'function',
    function: { name, arguments: values },
  }));
  return [
    { role: 'user', content: QUESTION },
    {
      role: 'assistant',
      content,
      ...(reasoning !== '' && { reasoning_content: reasoning }),
      ...(toolCalls.length > 0 && { tool_calls: toolCalls }),
    },
  ];
}

/** What must be read back of a turn. */
export interface Back {
  readonly content: string | null;
  readonly reasoning: string;
  readonly calls: readonly { readonly name: string; readonly arguments: unknown }[];
}

/** A turn without what a template does not write. */
export function expectedBack({ content, reasoning, calls }: Turn, shown: Shown): Back {
  const showsContent = calls.length === 0 || shown.content;
  const showsReasoning = calls.length === 0 ? shown.reasoning : shown.reasoningWithCalls;
  const text = showsContent ? content : '';
  return { content: text === '' && calls.length > 0 ? null : text, reasoning: showsReasoning ? reasoning : '', calls };
}

/** What a template writes of a turn, and what of it was begun for the model. Undefined: it refuses the turn. */
export function answerOf(
  { render, variables, parser }: Written,
  turn: Turn,
): { readonly prompt: string; readonly text: string } | undefined {
  const body = parser.format.calls?.body;
  const messages = conversation(turn, body?.kind === 'named-json' && body.id?.place === 'around');
  const options = { tools: turn.tools, ...(variables && { variables }) };
  const prompt = render(messages.slice(0, 1), { ...options, addGenerationPrompt: true });
  const whole = render(messages, { ...options, addGenerationPrompt: false });
  if (prompt === undefined || whole === undefined) return undefined;
  if (whole.startsWith(prompt)) return { prompt, text: whole.slice(prompt.length) };
  // The prompt begins what earlier turns do not show: the answer is what stands behind the header then.
  const from = whole.indexOf(parser.format.header, Math.max(0, whole.indexOf(QUESTION))) + parser.format.header.length;
  return { prompt: whole.slice(0, from), text: whole.slice(from) };
}

/** Reads an answer in pieces, and demands that the deltas add up to the message. */
export function readInPieces(
  parser: AnswerParser,
  { prompt, text }: { readonly prompt: string; readonly text: string },
  tools: readonly ToolDefinition[],
  cuts: readonly number[],
): Back {
  const reader = parser.reader({ tools, prompt });
  const places = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].sort((a, b) => a - b);
  const pieces = [...places, text.length].map((end, i) => text.slice(i === 0 ? 0 : places[i - 1], end));
  const deltas = [...pieces.flatMap((piece) => reader.push(piece)), ...reader.end()];
  const back = backOf(reader.message);
  expect(addedUp(deltas)).toEqual({ ...back, content: back.content ?? '' });
  return back;
}

function backOf({ content, reasoning_content: reasoning = '', tool_calls: calls = [] }: AnswerMessage): Back {
  return {
    content,
    reasoning,
    calls: calls.map(({ function: { name, arguments: text } }) => ({ name, arguments: valueOf(String(text)) })),
  };
}

function addedUp(deltas: readonly AnswerDelta[]): Back {
  const sum = { content: '', reasoning: '', calls: [] as { name: string; arguments: string }[] };
  for (const delta of deltas) {
    if (delta.kind === 'content' || delta.kind === 'reasoning') sum[delta.kind] += delta.text;
    else if (delta.kind === 'call') sum.calls[delta.index] = { name: delta.name, arguments: '' };
    else sum.calls[delta.index].arguments += delta.text;
  }
  return { ...sum, calls: sum.calls.map((call) => ({ name: call.name, arguments: valueOf(call.arguments) })) };
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return { notJson: text };
  }
}

const word = fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,14}$/);
const names = fc.uniqueArray(fc.oneof(word, fc.stringMatching(/^[a-z][a-z0-9-]{1,10}[a-z0-9]$/)), {
  minLength: 2,
  maxLength: 3,
});
const snippet = fc.constantFrom(
  '"',
  "'",
  '\n',
  '\n\n',
  '\\',
  '\\n',
  '\t',
  '<b>',
  '</b>',
  '<',
  '>',
  '&',
  '&amp;',
  '{',
  '}',
  '[',
  ']',
  ',',
  ': ',
  '=',
  '(',
  ')',
  '日本',
  '😀',
  'ünï',
  '007',
  'true',
  'null',
  '1.0',
  ' ',
  '%',
  '|',
  '`',
  '```',
);
const text = fc
  .array(
    fc.oneof(
      { weight: 2, arbitrary: snippet },
      { weight: 3, arbitrary: fc.stringMatching(/^[ -~]{1,8}$/) },
      { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 6 }) },
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join(''));
/** Text as models write it between structure: it neither begins nor ends with white space, nor begins as a call might. */
const prose = text.map((middle) => `Well${middle}.`);
const integer = fc.oneof(fc.integer(), fc.constantFrom(0, -1, 9007199254740991));
const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (Object.is(value, -0) ? 0 : value));
const nested = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.boolean(),
    fc.constant(null),
    integer,
    number,
    text,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(word, tie('value'), { maxKeys: 3 }),
  ),
})).value;
/** A value with the JSON type that a schema gives it. */
const typed = fc.oneof(
  { weight: 4, arbitrary: text.map((value) => ({ type: 'string', value: value as unknown })) },
  integer.map((value) => ({ type: 'integer', value: value as unknown })),
  number.map((value) => ({ type: 'number', value: value as unknown })),
  fc.boolean().map((value) => ({ type: 'boolean', value: value as unknown })),
  fc.array(nested, { maxLength: 3 }).map((value) => ({ type: 'array', value: value as unknown })),
  fc.dictionary(word, nested, { maxKeys: 3 }).map((value) => ({ type: 'object', value: value as unknown })),
);

/** Turns of any kind: no call, one or several, of tools with arguments of all types. */
export function turns({ calls: shows, parallel }: Shown): fc.Arbitrary<Turn> {
  const properties = fc.uniqueArray(fc.tuple(word, typed), { selector: ([key]) => key, maxLength: 4 });
  const tool = names.chain((all) => fc.tuple(...all.map((name) => fc.tuple(fc.constant(name), properties))));
  return fc
    .record({
      all: tool,
      calls: fc.array(fc.nat(), { maxLength: shows ? (parallel ? 3 : 1) : 0 }),
      content: fc.oneof(fc.constant(''), prose),
      reasoning: fc.oneof(fc.constant(''), prose),
    })
    .map(({ all, calls, content, reasoning }) => ({
      tools: all.map(([name, given]) => ({
        type: 'function' as const,
        function: {
          name,
          description: 'A tool.',
          parameters: {
            type: 'object',
            properties: Object.fromEntries(
              given.map(([key, { type }]) => [key, { type, description: 'An argument.' }]),
            ),
            required: given.map(([key]) => key),
          },
        },
      })),
      calls: calls
        .map((n) => all[n % all.length])
        .map(([name, given]) => ({
          name,
          arguments: Object.fromEntries(given.map(([key, { value }]) => [key, value])),
        })),
      content: content === '' && calls.length === 0 ? 'Well.' : content,
      reasoning,
    }));
}

/** Whatever a template writes of a turn is read back, in pieces cut anywhere. */
export function expectRoundTrip(
  template: Written,
  numRuns: number,
  isLeftOut: (turn: Turn) => boolean = () => false,
): void {
  fc.assert(
    fc.property(turns(template.shown), fc.array(fc.nat(), { maxLength: 6 }), (turn, cuts) => {
      const answer = isLeftOut(turn) ? undefined : answerOf(template, turn);
      if (answer !== undefined)
        expect(readInPieces(template.parser, answer, turn.tools, cuts)).toEqual(expectedBack(turn, template.shown));
    }),
    { numRuns },
  );
}
