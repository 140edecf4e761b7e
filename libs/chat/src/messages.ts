/** A call of a tool that the assistant asked for, in the OpenAI shape. */
export interface ToolCall {
  readonly id?: string;
  readonly type?: 'function';
  /** `arguments` is an object, or its JSON text. */
  readonly function: { readonly name: string; readonly arguments: string | Readonly<Record<string, unknown>> };
}

/** A tool that the model may call, in the OpenAI shape. */
export interface ToolDefinition {
  readonly type: 'function';
  readonly function: {
    readonly name: string;
    readonly description?: string;
    readonly parameters?: Readonly<Record<string, unknown>>;
  };
}

/** A part of a message's content; only text reaches a template. */
export interface TextPart {
  readonly type: 'text';
  readonly text: string;
}

/** One turn of a conversation. */
export interface ChatMessage {
  readonly role: string;
  readonly content?: string | readonly TextPart[] | null;
  readonly name?: string;
  readonly reasoning_content?: string;
  readonly tool_calls?: readonly ToolCall[];
  readonly tool_call_id?: string;
}
