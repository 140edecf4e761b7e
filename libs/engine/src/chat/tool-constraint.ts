import { withCalls, type AnswerParser, type ToolDefinition } from '@starling/chat';
import type { ToolCallConstraint } from '../generate-types.js';

/** Whether and what the model must call. */
export type ToolChoice = 'auto' | 'none' | 'required' | { readonly name: string };

/** What a conversation's answer is held to, and who reads it. */
export interface ToolReading {
  readonly constraint?: ToolCallConstraint;
  readonly parser: AnswerParser;
}

/**
 * How calls of tools are held to their schemas: always, in the model's own way to write them. Where its template shows no tools they are told
 * in words, and calls are written as those words say. With `auto` a schema that cannot be enforced is no reason to refuse: its arguments are any object then, but
 * for `strict` tools.
 */
export function toolConstraint(
  parser: AnswerParser,
  tools: readonly ToolDefinition[],
  choice: ToolChoice,
  parallel = true,
  strict: readonly string[] = [],
): ToolReading {
  if (tools.length === 0 || (choice === 'none' && !parser.readsCalls)) return { parser };
  const isFree = choice === 'auto' || choice === 'none';
  const reading = withCalls(parser);
  return { constraint: { tools, choice, parallel, format: reading.format, lenient: isFree, strict }, parser: reading };
}
