import type { ChatMessage, ToolDefinition } from '@starling/chat';

/** What a chat template is given. */
export interface ChatInput {
  readonly messages?: readonly ChatMessage[];
  /** Tools in the shape of the OpenAI API. */
  readonly tools?: readonly ToolDefinition[];
  /** Begin the assistant's turn. Default true. */
  readonly addGenerationPrompt?: boolean;
  /** Further variables of the template, such as `enable_thinking`. */
  readonly templateVariables?: Readonly<Record<string, unknown>>;
}
