import type { ChatMessage, ToolDefinition } from '@starling/chat';
import { StarlingError } from '@starling/core';
import type { ToolChoice } from '@starling/engine';
import { textOfBlock, textOfResult } from './block-text.js';
import { isResult, isUse, type Block, type ConversationBody, type MessageBody } from './schema.js';

/**
 * A line that one client puts before its instructions and changes with every request. It tells the model nothing, and would make every prompt a
 * new one, so that nothing of the last one could be used again.
 */
const ATTRIBUTION = /^x-anthropic-billing-header:[^\n]*\n?/;

/** A conversation in this API's shape, as the engine takes it. */
export interface Conversation {
  readonly messages: readonly ChatMessage[];
  /** What the assistant has begun to say: the answer goes on from there. */
  readonly prefill?: string;
  readonly tools: readonly ToolDefinition[];
  readonly toolChoice: ToolChoice;
  /** Names of tools whose schemas are to be kept to. */
  readonly strictTools: readonly string[];
  readonly parallelToolCalls: boolean;
  readonly templateVariables?: Readonly<Record<string, unknown>>;
}

/** @throws StarlingError invalid_request for a choice of a tool that was not given */
export function conversationOf(body: ConversationBody): Conversation {
  const messages = [...systemOf(body.system), ...messagesOf(body.messages)];
  const last = messages.at(-1);
  const prefill =
    last?.role === 'assistant' && last.tool_calls === undefined && typeof last.content === 'string'
      ? last.content
      : undefined;
  const tools = toolsOf(body.tools);
  return {
    messages: prefill === undefined ? messages : messages.slice(0, -1),
    ...(prefill !== undefined && { prefill }),
    tools,
    toolChoice: choiceOf(body.tool_choice, tools),
    strictTools: (body.tools ?? []).flatMap(({ name, strict }) => (strict === true ? [name] : [])),
    parallelToolCalls: body.tool_choice?.disable_parallel_tool_use !== true,
    ...(body.thinking != null && { templateVariables: { enable_thinking: body.thinking.type !== 'disabled' } }),
  };
}

function systemOf(system: ConversationBody['system']): ChatMessage[] {
  const texts = (typeof system === 'string' ? [system] : (system ?? []).map((block) => block.text)).map((one) =>
    one.replace(ATTRIBUTION, ''),
  );
  const content = texts.filter((one) => one !== '').join('\n\n');
  return content === '' ? [] : [{ role: 'system', content }];
}

/** Instructions inside of the conversation stay where they are, before what the user says next. */
function messagesOf(messages: readonly MessageBody[]): ChatMessage[] {
  const result: ChatMessage[] = [];
  let pending: string[] = [];
  for (const [index, { role, content }] of messages.entries()) {
    const place = `messages[${index}].content`;
    const blocks: readonly Block[] = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
    if (role === 'system') pending.push(textOf(blocks));
    else if (role === 'assistant') {
      if (pending.length > 0) result.push({ role: 'user', content: pending.join('\n\n') });
      pending = [];
      result.push(...assistantOf(blocks, place));
    } else {
      result.push(...userOf(blocks, pending, place));
      pending = [];
    }
  }
  if (pending.length > 0) result.push({ role: 'user', content: pending.join('\n\n') });
  return result;
}

/** A turn is one message, unless it holds what tools gave back that others ran: the model's own turn ends there, and goes on behind it. */
function assistantOf(blocks: readonly Block[], place: string): ChatMessage[] {
  const result: ChatMessage[] = [];
  let from = 0;
  for (const [at, block] of blocks.entries()) {
    const given = resultOf(block, `${place}[${at}]`);
    if (given === undefined) continue;
    if (at > from) result.push(turnOf(blocks.slice(from, at)));
    result.push(given);
    from = at + 1;
  }
  return from < blocks.length || from === 0 ? [...result, turnOf(blocks.slice(from))] : result;
}

function turnOf(blocks: readonly Block[]): ChatMessage {
  const thinking = blocks.flatMap((block) => (block.type === 'thinking' ? [block.thinking] : [])).join('\n');
  const calls = blocks.flatMap((block) =>
    isUse(block)
      ? [{ id: block.id, type: 'function' as const, function: { name: block.name, arguments: block.input ?? {} } }]
      : [],
  );
  return {
    role: 'assistant',
    content: textOf(blocks),
    ...(thinking !== '' && { reasoning_content: thinking }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
}

/** Results of tools are messages of their own, before what the user says beside them. */
function userOf(blocks: readonly Block[], before: readonly string[], place: string): ChatMessage[] {
  const results = blocks.flatMap((block, at) => resultOf(block, `${place}[${at}]`) ?? []);
  const said = [...before, textOf(blocks)].filter((one) => one !== '').join('\n\n');
  return said === '' && results.length > 0 ? results : [...results, { role: 'user', content: said }];
}

function resultOf(block: Block, place: string): ChatMessage | undefined {
  if (!isResult(block)) return undefined;
  return { role: 'tool', tool_call_id: block.tool_use_id, content: textOfResult(block, place) };
}

function textOf(blocks: readonly Block[]): string {
  return blocks.flatMap((block) => textOfBlock(block) ?? []).join('\n\n');
}

function toolsOf(tools: ConversationBody['tools']): ToolDefinition[] {
  return (tools ?? []).flatMap(({ type, name, description, input_schema: parameters }): ToolDefinition[] => {
    if (type != null && type !== 'custom') return [];
    return [
      {
        type: 'function',
        function: { name, ...(description != null && { description }), ...(parameters != null && { parameters }) },
      },
    ];
  });
}

function choiceOf(choice: ConversationBody['tool_choice'], tools: readonly ToolDefinition[]): ToolChoice {
  if (choice == null || choice.type === 'auto') return 'auto';
  if (choice.type === 'none') return 'none';
  if (tools.length === 0) throw refused(`tool_choice "${choice.type}" needs "tools"`);
  if (choice.type === 'any') return 'required';
  const named = tools.find((tool) => tool.function.name === choice.name);
  if (named === undefined)
    throw refused(`tool_choice names ${JSON.stringify(choice.name)}, which is not among the tools`);
  return { name: named.function.name };
}

function refused(message: string): StarlingError {
  return new StarlingError('invalid_request', message, { details: { param: 'tool_choice' } });
}
