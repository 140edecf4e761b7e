import type { ChatDocument, ChatMessage, ToolDefinition } from '@starling/chat';

/** What a chat template is given. */
export interface ChatInput {
  readonly messages: readonly ChatMessage[];
  /** Tools in the shape of the OpenAI API. */
  readonly tools?: readonly ToolDefinition[];
  /** Begin the assistant's turn. Default true. */
  readonly addGenerationPrompt?: boolean;
  /** Further variables of the template, such as `enable_thinking`. */
  readonly templateVariables?: Readonly<Record<string, unknown>>;
  /** Documents that the answer may rest on; refused where the template shows none. */
  readonly documents?: readonly ChatDocument[];
  /** The last message, the assistant's, is not over: the answer goes on with it. Excludes `addGenerationPrompt`. Default false. */
  readonly continueFinalMessage?: boolean;
  /** Text that the assistant has begun to say: the answer goes on from there, and does not repeat it. */
  readonly prefill?: string;
}
