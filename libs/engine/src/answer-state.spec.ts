import { answerParserOf, type ToolDefinition } from '@starling/chat';
import { TOOL_CALL_FORMATS, type AnswerFormat } from '@starling/grammar';
import { shapeAfter } from './answer-state.js';
import type { GenerateOptions } from './generate-types.js';

const format: AnswerFormat = {
  header: '[assistant]',
  begun: '<say>',
  reasoning: { start: '<think>', end: '</think>' },
  contentStart: '<say>',
  contentEnds: [],
  turnEnd: '[end]',
  calls: TOOL_CALL_FORMATS.hermes,
};
const tools: ToolDefinition[] = [
  { type: 'function', function: { name: 'now', parameters: { type: 'object', properties: {} } } },
];
const shapeOf = (begun: string, more: GenerateOptions = {}): ReturnType<typeof shapeAfter> =>
  shapeAfter(`[user]x[end][assistant]${begun}`, { toolCalls: { tools, choice: 'required', format }, ...more }, () =>
    answerParserOf(format),
  );

describe('what the rest of an answer that was begun is held to', () => {
  it.each([
    ['behind words', 'I look', { reasoning: 'closed', format: { begun: '', contentStart: '' } }],
    ['within reasoning', '<think>I see', { reasoning: 'open', format: { begun: '', contentStart: '<say>' } }],
    ['behind reasoning', '<think>I see</think>So', { reasoning: 'closed', format: { begun: '', contentStart: '' } }],
  ])('is calls %s', (_, begun, toolCalls) => {
    expect(shapeOf(begun, { continueFinalMessage: true })).toMatchObject({
      toolCalls: { ...toolCalls, choice: 'required' },
    });
    expect(shapeOf('', { prefill: begun })).toEqual(shapeOf(begun, { continueFinalMessage: true }));
  });

  it('is nothing behind a call, or within one', () => {
    for (const begun of [
      '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>',
      '<tool_call>\n{"name": "now", "arg',
    ])
      expect(shapeOf(begun, { continueFinalMessage: true })).toBeUndefined();
  });
});
