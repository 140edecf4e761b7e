/** One message of a conversation, in the shape of the OpenAI API; what a template does not know it ignores. */
export interface ChatMessage {
  readonly role: string;
  readonly content?: unknown;
  readonly [field: string]: unknown;
}

/** What a chat template is given. */
export interface ChatInput {
  readonly messages?: readonly ChatMessage[];
  /** Tools in the shape of the OpenAI API. */
  readonly tools?: readonly unknown[];
  /** Begin the assistant's turn. Default true. */
  readonly addGenerationPrompt?: boolean;
  /** Further variables of the template, such as `enable_thinking`. */
  readonly templateVariables?: Readonly<Record<string, unknown>>;
}
