import { jsonDumps, parseJson } from '@starling/jinja';
import type { ChatMessage, ToolCall, ToolDefinition } from '../messages.js';

/**
 * Tools in plain words, for templates that have none: what is called is written as a JSON object between tags, the way that most models
 * have seen (Hermes). `HERMES_CALLS` of the answers reads it.
 */
export function toolsText(tools: readonly ToolDefinition[]): string {
  const signatures = tools.map((tool) => jsonDumps(tool)).join('\n');
  return (
    `# Tools\n\nFunctions that you may call, each as a JSON object with its parameters:\n<tools>\n${signatures}\n</tools>\n\n` +
    'To call one, write its name and its arguments as a JSON object between tags, and nothing after it:\n' +
    '<tool_call>\n{"name": "NAME", "arguments": {"KEY": "VALUE"}}\n</tool_call>\n' +
    'The result comes back between <tool_response> tags.'
  );
}

/** A call in the same way. */
export function callText({ function: { name, arguments: values } }: ToolCall): string {
  return `<tool_call>\n${jsonDumps({ name, arguments: valuesOf(values) })}\n</tool_call>`;
}

/** A call's result. */
export function resultText(content: string): string {
  return `<tool_response>\n${content}\n</tool_response>`;
}

function valuesOf(values: ToolCall['function']['arguments']): unknown {
  if (typeof values !== 'string') return values;
  try {
    return parseJson(values);
  } catch {
    return values;
  }
}

/** The text of a message, its parts as one. */
export function contentText({ content }: ChatMessage): string {
  return typeof content === 'string' ? content : (content ?? []).map((part) => part.text).join('');
}
