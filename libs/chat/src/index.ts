export {
  compileTemplate,
  CHATML_TEMPLATE,
  MAX_TEMPLATE_CHARACTERS,
  type ChatPrompt,
  type ChatTemplate,
  type RenderOptions,
  type TemplateOptions,
} from './template.js';
export { KEEP_HISTORY } from './keep-history.js';
export { USUAL_TEMPLATE_NAMES, usualTemplate } from './usual-templates.js';
export { renderChat, type ChatRendering } from './render-chat.js';
export { fitConversation, type FittedConversation } from './fit/fit-conversation.js';
export type { ChatDocument, ConversationAbilities } from './fit/conversation-abilities.js';
export type { MessageSpan } from './message-spans.js';
export type { PromptSegment } from './literal-text.js';
export { gatherInstructions } from './gather-instructions.js';
export type { ChatMessage, TextPart, ToolCall, ToolDefinition } from './messages.js';
export { answerParserOf, deriveAnswerParser, withCalls, type AnswerParser } from './answer/answer-parser.js';
export { AnswerReader, type AnswerMessage, type AnswerReaderOptions } from './answer/answer-reader.js';
export type { AnswerDelta } from './answer/call-sink.js';
export type { AnswerFormat, CallFormat, ReasoningStart } from '@starling/grammar';
