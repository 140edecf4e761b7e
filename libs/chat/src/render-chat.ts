import type { ChatMessage } from './messages.js';
import {
  CHATML_TEMPLATE,
  compileTemplate,
  type ChatTemplate,
  type RenderOptions,
  type TemplateOptions,
} from './template.js';

/** Templates of as many models are kept compiled; the one that was not used for longest goes first. */
const MAX_COMPILED = 16;

const compiled = new Map<string, ChatTemplate>();

/** A conversation, and how it becomes a prompt. */
export interface ChatRendering extends RenderOptions, Pick<TemplateOptions, 'bosToken' | 'eosToken'> {
  readonly messages: readonly ChatMessage[];
  /** A Jinja template. Default: ChatML, for models that bring none. */
  readonly template?: string;
}

/**
 * The prompt text of a conversation, in one call: for programs that tokenize it with control tokens recognised everywhere. A server
 * that does not trust its users takes `compileTemplate` and the segments that it renders.
 * @throws StarlingError invalid_template if the template cannot be parsed, fails, or refuses the messages
 */
export function renderChat({
  messages,
  template = CHATML_TEMPLATE,
  bosToken = '',
  eosToken = '',
  ...options
}: ChatRendering): string {
  const key = JSON.stringify([template, bosToken, eosToken]);
  const chatTemplate = compiled.get(key) ?? compileTemplate(template, { bosToken, eosToken });
  compiled.delete(key);
  compiled.set(key, chatTemplate);
  if (compiled.size > MAX_COMPILED) {
    const [oldest] = compiled.keys();
    compiled.delete(oldest);
  }
  return chatTemplate.render(messages, options).text;
}
