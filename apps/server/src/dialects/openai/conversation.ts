import { gatherInstructions, type ChatMessage } from '@starling/chat';
import { parameterError } from '@starling/core';
import type { ChatInput } from '@starling/engine';
import type { ChatBody, ChatBodyMessage } from './chat-schema.js';

/** Content of messages as one text: templates take no parts. */
function textOf(content: ChatBodyMessage['content']): string {
  if (content === null || content === undefined) return '';
  return typeof content === 'string' ? content : content.map((part) => part.text).join('\n');
}

/** A conversation as templates take it. */
export const conversationOf = (messages: readonly ChatBodyMessage[]): ChatMessage[] =>
  gatherInstructions(messages.map(messageOf));

function messageOf(message: ChatBodyMessage): ChatMessage {
  const { role, content, name, tool_calls: calls, tool_call_id: callId } = message;
  const reasoning = message.reasoning_content ?? message.reasoning ?? message.thinking;
  return {
    role: role === 'function' ? 'tool' : role,
    content: textOf(content),
    ...(name != null && { name }),
    ...(reasoning != null && { reasoning_content: reasoning }),
    ...(calls != null &&
      calls.length > 0 && {
        tool_calls: calls.map((call) => ({
          type: 'function' as const,
          ...(call.id != null && { id: call.id }),
          function: { name: call.function.name, arguments: call.function.arguments },
        })),
      }),
    ...(callId != null && { tool_call_id: callId }),
  };
}

/** What of a body says how its conversation goes on. */
type Continued = Pick<ChatBody, 'messages' | 'add_generation_prompt' | 'continue_final_message'>;

/**
 * A conversation, and whether its last message is to be gone on with: one of the assistant is, as llama-server has it, unless a request says that a
 * new turn begins (`add_generation_prompt`).
 * @throws StarlingError invalid_request for what excludes each other
 */
export function continuedConversation({
  messages,
  add_generation_prompt: begins,
  continue_final_message: goesOn,
}: Continued): Pick<ChatInput, 'continueFinalMessage' | 'addGenerationPrompt'> & { readonly messages: ChatMessage[] } {
  if (begins === true && goesOn === true)
    throw parameterError(
      'invalid_request',
      'continue_final_message',
      'excludes "add_generation_prompt": an answer either goes on with the last message or begins a new one',
    );
  const last = messages.at(-1);
  const isBegun = last?.role === 'assistant' && (last.tool_calls ?? []).length === 0;
  if (goesOn === true && !isBegun)
    return { messages: conversationOf(messages), addGenerationPrompt: false, continueFinalMessage: true };
  if (!isBegun || begins === true || goesOn === false)
    return { messages: conversationOf(messages), ...(begins === false && { addGenerationPrompt: false }) };
  if (messages.at(-2)?.role === 'assistant')
    throw parameterError(
      'invalid_request',
      'messages',
      'end with two messages of the assistant: only one can be gone on with',
    );
  // Parts of what was begun are paragraphs.
  const begun =
    typeof last.content === 'string' ? last.content : (last.content ?? []).map(({ text }) => text).join('\n\n');
  return {
    messages: conversationOf([...messages.slice(0, -1), { ...last, content: begun }]),
    addGenerationPrompt: false,
    continueFinalMessage: true,
  };
}
