import type { ToolDefinition } from '../messages.js';
import type { AnswerFormat, CallFormat } from '@starling/grammar';
import { AnswerReader, type AnswerMessage } from './answer-reader.js';
import type { AnswerDelta } from './call-sink.js';

export const tools: readonly ToolDefinition[] = [
  {
    type: 'function',
    function: {
      name: 'get_weather',
      parameters: {
        type: 'object',
        properties: {
          city: { type: 'string' },
          days: { type: 'integer' },
          zip: { type: 'string' },
          near: { type: ['object', 'string'] },
        },
      },
    },
  },
  { type: 'function', function: { name: 'now' } },
];

export const frame = {
  header: '<|im_start|>assistant\n',
  begun: '',
  contentStart: '',
  contentEnds: [],
  turnEnd: '<|im_end|>',
  reasoning: { start: '<think>', end: '</think>' },
};
export const json: CallFormat = {
  sectionStart: '',
  sectionEnd: '',
  callStart: '<tool_call>',
  callEnd: '</tool_call>',
  separator: '',
  isSingle: false,
  body: {
    kind: 'json',
    fields: [
      { key: 'name', holds: 'name' },
      { key: 'arguments', holds: 'arguments' },
    ],
    isArray: false,
  },
};
const tagged: CallFormat = {
  ...json,
  callStart: '<tool_call>\n<function=',
  callEnd: '</function>\n</tool_call>',
  body: {
    kind: 'tagged',
    nameEnd: '>',
    argumentStart: '<parameter=',
    valueStart: { before: '>', after: '' },
    valueEnd: '</parameter>',
    valuePadding: ['\n', '\n'],
  },
};
export const hermes: AnswerFormat = { ...frame, calls: json };
export const coder: AnswerFormat = { ...frame, calls: tagged };
export const bare: AnswerFormat = {
  ...frame,
  reasoning: undefined,
  calls: {
    ...json,
    callStart: '',
    callEnd: '',
    body: {
      kind: 'json',
      fields: [
        { key: 'name', holds: 'name' },
        { key: 'parameters', holds: 'arguments' },
      ],
      isArray: false,
    },
  },
};

/** What deltas add up to. */
export function joined(deltas: readonly AnswerDelta[]): {
  content: string;
  reasoning: string;
  calls: [string, string][];
} {
  const sum = { content: '', reasoning: '', calls: [] as [string, string][] };
  for (const delta of deltas) {
    if (delta.kind === 'content' || delta.kind === 'reasoning') sum[delta.kind] += delta.text;
    else if (delta.kind === 'call') sum.calls[delta.index] = [delta.name, ''];
    else sum.calls[delta.index][1] += delta.text;
  }
  return sum;
}

export function summary(message: AnswerMessage): ReturnType<typeof joined> {
  return {
    content: message.content ?? '',
    reasoning: message.reasoning_content ?? '',
    calls: (message.tool_calls ?? []).map(({ function: { name, arguments: text } }) => [name, String(text)]),
  };
}

/** Reads a text whole, and cut at every place and into characters: the message and the deltas must be the same each time. */
export function read(
  format: AnswerFormat,
  text: string,
  {
    isCut = false,
    ...options
  }: { prompt?: string; isBegun?: boolean; mustCall?: boolean; isJson?: boolean; isCut?: boolean } = {},
): ReturnType<typeof joined> {
  const cuts = [
    [text],
    [...text],
    ...Array.from({ length: text.length + 1 }, (_, at) => [text.slice(0, at), text.slice(at)]),
  ];
  let first: ReturnType<typeof joined> | undefined;
  for (const pieces of cuts) {
    const reader = new AnswerReader(format, { tools, ...options });
    const deltas = [...pieces.flatMap((piece) => reader.push(piece)), ...reader.end()];
    const message = summary(reader.message);
    expect(joined(deltas)).toEqual(message);
    expect(message).toEqual((first ??= message));
    expect(reader.isCut).toBe(isCut);
  }
  return first!;
}

export const weather = '{"city": "Paris"}';
export const call = (text = weather): string =>
  `<tool_call>\n{"name": "get_weather", "arguments": ${text}}\n</tool_call>`;
