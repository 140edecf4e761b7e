import {
  compileTemplate,
  deriveAnswerParser,
  usualTemplate,
  type AnswerMessage,
  type ChatMessage,
  type ChatPrompt,
} from '@starling/chat';

/** Texts that the usual templates mark turns with. */
const CONTROL_TEXTS = [
  '<|im_start|>',
  '<|im_end|>',
  '<|start_header_id|>',
  '<|end_header_id|>',
  '<|eot_id|>',
  '<start_of_turn>',
  '<end_of_turn>',
  '[INST]',
  '[/INST]',
  '<|user|>',
  '<|assistant|>',
  '<|system|>',
  '<|end|>',
];

export interface Conversed {
  readonly prompt: ChatPrompt;
  readonly answer: AnswerMessage;
}

/** Renders a conversation with a usual template, and reads an answer back. @throws StarlingError invalid_template if the template refuses the messages */
export function converse(template: string, messages: readonly ChatMessage[], answer: string): Conversed {
  const compiled = compileTemplate(usualTemplate(template)!, { controlTexts: CONTROL_TEXTS });
  const prompt = compiled.render(messages, { addGenerationPrompt: true });
  return { prompt, answer: deriveAnswerParser(compiled).parse(answer, { prompt: prompt.text, tools: [WEATHER] }) };
}

const WEATHER = {
  type: 'function',
  function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
} as const;
