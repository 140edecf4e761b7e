import {
  UnsupportedFunctionalityError,
  type LanguageModelV3FilePart,
  type LanguageModelV3Message,
  type LanguageModelV3Prompt,
  type LanguageModelV3ToolResultPart,
} from '@ai-sdk/provider';
import { gatherInstructions, type ChatMessage, type ToolCall } from '@starling/chat';

type AssistantPart = Extract<LanguageModelV3Message, { role: 'assistant' }>['content'][number];
type Output = LanguageModelV3ToolResultPart['output'];

/**
 * The SDK's conversation as templates take it.
 * @throws UnsupportedFunctionalityError for files, and for approvals of tools that a provider runs
 */
export function conversationOf(prompt: LanguageModelV3Prompt): ChatMessage[] {
  return gatherInstructions(prompt.flatMap((message, at) => messagesOf(message, `prompt[${at}]`)));
}

/** Whether the assistant's last message is to be gone on with: where the conversation ends with a text of it. */
export function isBegun(prompt: LanguageModelV3Prompt): boolean {
  const last = prompt.at(-1);
  return last?.role === 'assistant' && last.content.every(({ type }) => type === 'text' || type === 'reasoning');
}

function messagesOf(message: LanguageModelV3Message, place: string): ChatMessage[] {
  switch (message.role) {
    case 'system':
      return [{ role: 'system', content: message.content }];
    case 'user':
      return [
        {
          role: 'user',
          content: message.content
            .map((part, at) => (part.type === 'text' ? part.text : refuseFile(part, `${place}.content[${at}]`)))
            .join('\n'),
        },
      ];
    case 'assistant':
      return assistantOf(message.content, place);
    case 'tool':
      return message.content.map((part, at) => {
        if (part.type === 'tool-result') return resultOf(part, `${place}.content[${at}]`);
        throw new UnsupportedFunctionalityError({
          functionality: `${place}.content[${at}]: an approval of a tool that the provider runs (this one runs none)`,
        });
      });
  }
}

/** A turn is one message, unless it holds what tools gave back: the model's own turn ends there, and goes on behind it. */
function assistantOf(content: readonly AssistantPart[], place: string): ChatMessage[] {
  const messages: ChatMessage[] = [];
  let turn: AssistantPart[] = [];
  for (const [at, part] of content.entries()) {
    if (part.type === 'file') refuseFile(part, `${place}.content[${at}]`);
    if (part.type !== 'tool-result') {
      turn.push(part);
      continue;
    }
    if (turn.length > 0) messages.push(turnOf(turn));
    messages.push(resultOf(part, `${place}.content[${at}]`));
    turn = [];
  }
  return turn.length > 0 || messages.length === 0 ? [...messages, turnOf(turn)] : messages;
}

function turnOf(parts: readonly AssistantPart[]): ChatMessage {
  const textOf = (type: 'text' | 'reasoning'): string =>
    parts.flatMap((part) => (part.type === type ? [part.text] : [])).join('');
  const reasoning = textOf('reasoning');
  const calls = parts.flatMap((part): ToolCall[] =>
    part.type === 'tool-call'
      ? [
          {
            id: part.toolCallId,
            type: 'function',
            function: { name: part.toolName, arguments: argumentsOf(part.input) },
          },
        ]
      : [],
  );
  return {
    role: 'assistant',
    content: textOf('text'),
    ...(reasoning !== '' && { reasoning_content: reasoning }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
}

/** What a call was made with; a text is what the model wrote where it was none of JSON. */
function argumentsOf(input: unknown): ToolCall['function']['arguments'] {
  if (typeof input === 'object' && input !== null && !Array.isArray(input))
    return input as Readonly<Record<string, unknown>>;
  return typeof input === 'string' ? input : JSON.stringify(input ?? {});
}

const resultOf = ({ toolCallId, toolName, output }: LanguageModelV3ToolResultPart, place: string): ChatMessage => ({
  role: 'tool',
  tool_call_id: toolCallId,
  name: toolName,
  content: textOfOutput(output, place),
});

function textOfOutput(output: Output, place: string): string {
  switch (output.type) {
    case 'text':
    case 'error-text':
      return output.value;
    case 'json':
    case 'error-json':
      return JSON.stringify(output.value);
    case 'execution-denied':
      return output.reason ?? 'The tool was not run: the user did not allow it.';
    case 'content':
      return output.value
        .map((part) => {
          if (part.type === 'text') return part.text;
          throw new UnsupportedFunctionalityError({
            functionality: `${place}: a tool’s result of type ${part.type} (models here read text)`,
          });
        })
        .join('\n');
  }
}

function refuseFile({ mediaType, filename }: LanguageModelV3FilePart, place: string): never {
  throw new UnsupportedFunctionalityError({
    functionality: `${place}: a file${filename === undefined ? '' : ` (${filename})`} of type ${mediaType} (models here read text)`,
  });
}
