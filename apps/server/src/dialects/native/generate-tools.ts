import type { AnswerDelta } from '@starling/chat';
import {
  answerChat,
  CallIds,
  wholeAnswer,
  type ChatAnswer,
  type ChatSample,
  type GenerateRequest,
} from '@starling/engine';
import type { ServedModel } from '../../parts.js';
import { callBodies, callDelta } from '../call-bodies.js';
import type { StreamEvent } from '../dialect.js';
import { strictToolsOf, toolChoiceOf, toolsOf } from '../function-tools.js';
import { doneEvent, generateResult, logprobsOf, type Reading } from './generate-bodies.js';
import type { GenerateBody } from './generate-schema.js';

/** Starts to answer a conversation in which tools may be called. */
export function answerWithTools(model: ServedModel, body: GenerateBody, request: GenerateRequest): Promise<ChatAnswer> {
  const tools = toolsOf(body.tools);
  const { choice, callable } = toolChoiceOf(body.tool_choice, tools);
  return answerChat(model, {
    ...request,
    messages: request.messages ?? [],
    tools,
    callable,
    toolChoice: choice,
    strictTools: strictToolsOf(body.tools),
    parallelToolCalls: body.parallel_tool_calls ?? true,
  });
}

/** The answer as one body: beside the text as it was written, what it says as a message. */
export async function resultWithTools(answer: ChatAnswer): Promise<object> {
  const { samples, done } = await wholeAnswer(answer);
  const callIds = new CallIds();
  return generateResult(
    done,
    samples.map((sample, i) => ({ ...readingOf(sample), message: messageBody(sample, i, callIds) })),
  );
}

/** Deltas of messages as they come, in place of tokens: markers of calls are no text. */
export async function* eventsWithTools(answer: ChatAnswer, answers: number): AsyncGenerator<StreamEvent> {
  const callIds = new CallIds();
  const readings: Reading[] = [];
  for await (const part of answer.parts()) {
    if (part.kind === 'deltas') {
      const which = answers > 1 ? { answer: part.sample } : {};
      const probabilities = part.logprobs && { logprobs: [logprobsOf(part.logprobs)] };
      // A token that shows nothing yet has a probability, too.
      if (part.deltas.length === 0) yield { event: 'delta', data: { ...which, ...probabilities } };
      for (const [i, delta] of part.deltas.entries())
        yield {
          event: 'delta',
          data: { ...which, ...deltaOf(delta, part.sample, callIds), ...(i === 0 && probabilities) },
        };
    } else if (part.kind === 'sample') readings[part.sample] = readingOf(part);
    else if (part.kind === 'done') yield { event: 'done', data: doneEvent(part.done, readings) };
  }
}

const readingOf = ({ finishReason, warnings }: ChatSample): Reading => ({
  finish_reason: finishReason,
  ...(warnings.length > 0 && { warnings }),
});

function deltaOf(delta: AnswerDelta, sample: number, callIds: CallIds): object {
  if (delta.kind === 'content') return { content: delta.text };
  return delta.kind === 'reasoning'
    ? { reasoning_content: delta.text }
    : { tool_calls: [callDelta(delta, sample, callIds)] };
}

function messageBody(
  { message: { content, reasoning_content: reasoning, tool_calls: calls } }: ChatSample,
  sample: number,
  callIds: CallIds,
): object {
  return {
    role: 'assistant',
    content,
    ...(reasoning !== undefined && { reasoning_content: reasoning }),
    ...(calls !== undefined && { tool_calls: callBodies(calls, sample, callIds) }),
  };
}
