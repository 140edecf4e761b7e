import { TOOL_CALL_FORMATS, type AnswerFormat, type CallFormat, type JsonBody } from '@starling/grammar';

const plain = { sectionStart: '', sectionEnd: '', callStart: '', callEnd: '', separator: '', isSingle: false };

function listOf(nameKey: string, argumentsKey: string): JsonBody {
  return {
    kind: 'json',
    fields: [
      { key: nameKey, holds: 'name' },
      { key: argumentsKey, holds: 'arguments' },
    ],
    isArray: true,
  };
}

/** A list of calls as Python writes them. */
const PYTHON_CALLS: CallFormat = {
  ...plain,
  sectionStart: '<|tool_call_start|>[',
  sectionEnd: ']<|tool_call_end|>',
  callEnd: ')',
  separator: ', ',
  body: { kind: 'literal', nameEnd: '(', keyEnd: '=', argumentSeparator: ', ', quote: "'", isVerbatim: false },
};

interface Family {
  /** A text that only the family's templates hold. */
  readonly sign: string;
  readonly calls: CallFormat;
  /** Tags around content beside calls. */
  readonly contentTags?: readonly string[];
}

/** Ways to write calls that templates speak of without showing them, or show in a way that is none of those that are derived. */
const FAMILIES: readonly Family[] = [
  // LFM2 and LFM2.5, whose templates name the list of tools alone.
  { sign: 'List of tools: [', calls: PYTHON_CALLS },
  { sign: '<|tool_list_start|>', calls: PYTHON_CALLS },
  { sign: '<|tool_call_start|>', calls: PYTHON_CALLS },
  // DeepSeek R1 and V3.
  {
    sign: '<｜tool▁calls▁begin｜>',
    calls: {
      ...plain,
      sectionStart: '<｜tool▁calls▁begin｜>',
      sectionEnd: '<｜tool▁calls▁end｜>',
      callStart: '<｜tool▁call▁begin｜>function<｜tool▁sep｜>',
      callEnd: '\n```<｜tool▁call▁end｜>',
      separator: '\n',
      body: { kind: 'named-json', nameEnd: '\n```json\n' },
    },
  },
  // Phi-4-mini, and Granite 3, which ends its list with the answer.
  {
    sign: '<|/tool_call|>',
    calls: { ...plain, sectionStart: '<|tool_call|>', sectionEnd: '<|/tool_call|>', body: listOf('name', 'arguments') },
  },
  { sign: '<|tool_call|>', calls: { ...plain, sectionStart: '<|tool_call|>', body: listOf('name', 'arguments') } },
  // Firefunction.
  { sign: 'functools[', calls: { ...plain, sectionStart: ' functools', body: listOf('name', 'arguments') } },
  // Command R and R+.
  {
    sign: '"tool_name"',
    calls: { ...plain, sectionStart: 'Action:\n```json\n', sectionEnd: '```', body: listOf('tool_name', 'parameters') },
  },
  // Llama 4: content stands between two tags where a call follows it, and calls have none.
  {
    sign: '<|python_start|>',
    calls: { ...TOOL_CALL_FORMATS.llama3, isSingle: false },
    contentTags: ['<|python_start|>', '<|python_end|>', '<|eom|>'],
  },
  { sign: '<tool_call>', calls: TOOL_CALL_FORMATS.hermes },
];

/** What is known of the answers of the family that a template's text names, beside what was derived; no calls where it names none. */
export function knownFormat(
  source: string,
  { contentEnds }: AnswerFormat,
): Pick<AnswerFormat, 'calls' | 'contentEnds'> {
  const { calls, contentTags = [] } = FAMILIES.find(({ sign }) => source.includes(sign)) ?? {};
  return { contentEnds: [...contentEnds, ...contentTags], calls };
}
