export { compileTemplate, CHATML_TEMPLATE, MAX_TEMPLATE_CHARACTERS, type ChatPrompt, type ChatTemplate, type RenderOptions, type TemplateOptions } from './template.js';
export { renderChat, type ChatRendering } from './render-chat.js';
export type { PromptSegment } from './literal-text.js';
export type { ChatMessage, TextPart, ToolCall, ToolDefinition } from './messages.js';
