import type { ChatMessage } from '@starling/chat';
import { StarlingError } from '@starling/core';
import { cacheTermsOf } from '../cache-fields.js';
import type { ServedModel } from '../../parts.js';
import type { ChatRequest } from '@starling/engine';
import { toolsOf } from '../function-tools.js';
import { samplingOf, seedOf } from '../sampling.js';
import type { ChatBody, GenerateBody } from './schema.js';
import { truncated } from './truncation.js';

/** How tokens are chosen, where the answer ends and what it must look like: alike for chats and prompts. */
type Settings = Omit<ChatRequest, 'messages'>;

export function settingsOf(body: ChatBody | GenerateBody, id: string): Settings {
  const { num_predict: limit, stop, seed, ...sampling } = body.options ?? {};
  return {
    ...samplingOf(sampling),
    ...seedOf(seed),
    id,
    maxTokens: limit == null || limit < 0 ? undefined : limit,
    stop: typeof stop === 'string' ? [stop] : (stop ?? undefined),
    ...formatOf(body.format),
    ...cacheTermsOf(body),
    logprobs: logprobsOf(body),
  };
}

/** @throws StarlingError invalid_request where the model cannot think and is told to */
export async function chatRequestOf(
  body: ChatBody,
  messages: NonNullable<ChatBody['messages']>,
  model: ServedModel,
  id: string,
): Promise<ChatRequest> {
  const tools = toolsOf(body.tools);
  const request: ChatRequest = {
    ...settingsOf(body, id),
    messages: messages.map(messageOf),
    tools,
    templateVariables: thinkingOf(body.think, model),
  };
  return body.truncate === false ? request : truncated(request, model);
}

/** A prompt is what a user says, unless it is to be taken raw. */
export function promptMessages({ prompt, system }: GenerateBody): ChatMessage[] {
  return [...(system ? [{ role: 'system', content: system }] : []), { role: 'user', content: prompt ?? '' }];
}

/** What a template is told about thinking. @throws StarlingError invalid_request where the model cannot */
export function thinkingOf(think: ChatBody['think'], model: ServedModel): Record<string, unknown> | undefined {
  if (think == null) return undefined;
  if (think !== false && !model.answerParser.readsReasoning) {
    throw new StarlingError('invalid_request', `"${model.info.name}" does not support thinking`, {
      details: { param: 'think' },
    });
  }
  return { enable_thinking: think !== false, ...(typeof think === 'string' && { reasoning_effort: think }) };
}

/** @throws StarlingError invalid_request for alternatives of what is not asked for */
function logprobsOf({ logprobs, top_logprobs: top }: ChatBody | GenerateBody): number | undefined {
  if (top != null && top > 0 && logprobs !== true)
    throw new StarlingError('invalid_request', 'top_logprobs needs "logprobs": true', {
      details: { param: 'top_logprobs' },
    });
  return logprobs === true ? (top ?? 0) : undefined;
}

function formatOf(format: ChatBody['format']): Pick<ChatRequest, 'jsonSchema'> {
  if (format == null || format === '') return {};
  return { jsonSchema: format === 'json' ? { type: 'object' } : format };
}

function messageOf({
  role,
  content,
  thinking,
  tool_calls: calls,
  tool_name: name,
  tool_call_id: callId,
}: NonNullable<ChatBody['messages']>[number]): ChatMessage {
  return {
    role,
    content: content ?? '',
    ...(thinking != null && thinking !== '' && { reasoning_content: thinking }),
    ...(name != null && { name }),
    ...(callId != null && { tool_call_id: callId }),
    ...(calls != null &&
      calls.length > 0 && {
        tool_calls: calls.map((call) => ({
          ...(call.id != null && { id: call.id }),
          type: 'function' as const,
          function: { name: call.function.name, arguments: call.function.arguments ?? {} },
        })),
      }),
  };
}
