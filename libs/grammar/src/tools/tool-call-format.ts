import type { AnswerFormat, CallFormat, JsonBody } from './answer-format.js';

const plain = { sectionStart: '', sectionEnd: '', callStart: '', callEnd: '', separator: '', isSingle: true };

function objectOf(argumentsKey: string, isArray = false): JsonBody {
  return {
    kind: 'json',
    fields: [
      { key: 'name', holds: 'name' },
      { key: argumentsKey, holds: 'arguments' },
    ],
    isArray,
  };
}

/** The ways to write calls of common model families. */
export const TOOL_CALL_FORMATS = {
  /** Hermes, Qwen 2.5 and 3, and others with ChatML: `<tool_call>{"name": ..., "arguments": ...}</tool_call>`. */
  hermes: {
    ...plain,
    callStart: '<tool_call>\n',
    callEnd: '\n</tool_call>',
    separator: '\n',
    isSingle: false,
    body: objectOf('arguments'),
  },
  /** One JSON object: `{"name": ..., "arguments": ...}`. */
  json: { ...plain, body: objectOf('arguments') },
  /** A list of such objects. */
  jsonList: { ...plain, isSingle: false, body: objectOf('arguments', true) },
  /** Llama 3.1 and later: `{"name": ..., "parameters": ...}`. */
  llama3: { ...plain, body: objectOf('parameters') },
  /** Mistral: `[TOOL_CALLS][{"name": ..., "arguments": ...}]`. */
  mistral: { ...plain, sectionStart: '[TOOL_CALLS] ', isSingle: false, body: objectOf('arguments', true) },
  /** `<function=NAME>{...}</function>`. */
  functionTag: {
    ...plain,
    callStart: '<function=',
    callEnd: '</function>',
    separator: '\n',
    isSingle: false,
    body: { kind: 'named-json', nameEnd: '>' },
  },
} as const satisfies Record<string, CallFormat>;

export type ToolCallFormatName = keyof typeof TOOL_CALL_FORMATS;

/** The answers of a known way to write calls, with nothing around their content. */
export function answerFormatOf(format: ToolCallFormatName | AnswerFormat): AnswerFormat {
  if (typeof format !== 'string') return format;
  return { header: '', begun: '', contentStart: '', contentEnds: [], turnEnd: '', calls: TOOL_CALL_FORMATS[format] };
}
