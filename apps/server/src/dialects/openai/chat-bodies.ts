import type { AnswerMessage, ToolCall } from '@starling/chat';
import { CallIds, type ChatSample, type DonePart, type TokenLogprobs, type TokenProbability } from '@starling/engine';
import { callBodies, callDelta, type CallBody } from '../call-bodies.js';
import { finite } from '../finite-logprob.js';
import { timingsOf } from '../timings.js';
import type { CustomCalls, OutputDelta } from './custom-calls.js';

/** What all chunks of one answer share. */
export interface ChunkHead {
  readonly id: string;
  readonly created: number;
  readonly model: string;
  /** What answered: the server's build. */
  readonly fingerprint: string;
}

/** The build that answers, in the way of llama-server. */
export const fingerprintOf = (version: string): string => `b${version}-starling`;

/** Words of the API for why an answer ended. */
export function finishReasonOf(finish: ChatSample['finishReason']): 'stop' | 'length' | 'tool_calls' {
  if (finish === 'tool_calls' || finish === 'length') return finish;
  return finish === 'deadline' ? 'length' : 'stop';
}

/**
 * Figures of an answer: always whole.
 * @param reasoningTokens those of all its choices; a continued text has none that could be told apart
 */
export function usageOf(
  { usage: { promptTokens, cachedTokens, completionTokens } }: DonePart,
  reasoningTokens?: number,
): object {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
    ...(reasoningTokens !== undefined && { completion_tokens_details: { reasoning_tokens: reasoningTokens } }),
  };
}

/** Tokens that all choices of an answer reasoned with. */
const reasoningTokensOf = (samples: readonly ChatSample[]): number =>
  samples.reduce((sum, { reasoningTokens }) => sum + reasoningTokens, 0);

/** The body of an answer that is not streamed. */
export function chatBody(
  head: ChunkHead,
  samples: readonly ChatSample[],
  done: DonePart,
  customs: CustomCalls,
): object {
  const callIds = new CallIds();
  return {
    id: head.id,
    object: 'chat.completion',
    created: head.created,
    model: head.model,
    system_fingerprint: head.fingerprint,
    choices: samples.map(({ message, finishReason, result, warnings }, index) => ({
      index,
      message: messageBody(message, index, callIds, customs),
      finish_reason: finishReasonOf(finishReason),
      ...warningsBody(warnings),
      logprobs: result.logprobs === undefined ? null : { content: result.logprobs.map(logprobBody), refusal: null },
    })),
    usage: usageOf(done, reasoningTokensOf(samples)),
    timings: timingsOf(done),
  };
}

function messageBody(
  { content, reasoning_content: reasoning, tool_calls: calls }: AnswerMessage,
  sample: number,
  callIds: CallIds,
  customs: CustomCalls,
): object {
  return {
    role: 'assistant',
    content,
    refusal: null,
    ...(reasoning !== undefined && { reasoning_content: reasoning, reasoning }),
    ...(calls !== undefined && {
      tool_calls: callBodies(calls, sample, callIds).map((call, i) => customBody(call, calls[i], customs)),
    }),
  };
}

/** A call of a custom tool has a text in place of arguments. */
function customBody(body: CallBody, { function: call }: ToolCall, customs: CustomCalls): object {
  const input = customs.inputOf(call);
  return input === undefined ? body : { id: body.id, type: 'custom', custom: { name: call.name, input } };
}

/** The delta of a chunk. */
export function deltaBody(delta: OutputDelta, sample: number, callIds: CallIds): object {
  switch (delta.kind) {
    case 'content':
      return { content: delta.text };
    case 'reasoning':
      return { reasoning_content: delta.text, reasoning: delta.text };
    case 'custom':
      return {
        tool_calls: [
          {
            index: delta.index,
            id: callIds.of(sample, delta.index, delta.id),
            type: 'custom',
            custom: { name: delta.name, input: '' },
          },
        ],
      };
    case 'input':
      return { tool_calls: [{ index: delta.index, custom: { input: delta.text } }] };
    default:
      return { tool_calls: [callDelta(delta, sample, callIds)] };
  }
}

/** Beyond the API, and only where there is something to say. */
const warningsBody = (warnings: ChatSample['warnings']): object => (warnings.length > 0 ? { warnings } : {});

/** The last chunk of a choice. */
export function endChunk(
  head: ChunkHead,
  index: number,
  { finishReason, warnings }: ChatSample,
  asksUsage: boolean,
): object {
  const body = chunk(head, index, {}, finishReasonOf(finishReason), undefined, asksUsage);
  return { ...body, choices: body.choices.map((choice) => ({ ...choice, ...warningsBody(warnings) })) };
}

type ChatChunk = Readonly<Record<string, unknown>> & { readonly choices: readonly object[] };

/** A chunk with one choice. `usage` is there, as null, where the client asked for it at the end. */
export function chunk(
  head: ChunkHead,
  index: number,
  delta: object,
  finishReason: string | null,
  logprobs: readonly TokenLogprobs[] | undefined,
  asksUsage: boolean,
): ChatChunk {
  return {
    id: head.id,
    object: 'chat.completion.chunk',
    created: head.created,
    model: head.model,
    system_fingerprint: head.fingerprint,
    choices: [
      {
        index,
        delta,
        finish_reason: finishReason,
        logprobs:
          logprobs === undefined || logprobs.length === 0
            ? null
            : { content: logprobs.map(logprobBody), refusal: null },
      },
    ],
    ...(asksUsage && { usage: null }),
  };
}

/** The last chunk where the client asked for figures. */
export function usageChunk(head: ChunkHead, done: DonePart, reasoningTokens: number): object {
  return {
    id: head.id,
    object: 'chat.completion.chunk',
    created: head.created,
    model: head.model,
    system_fingerprint: head.fingerprint,
    choices: [],
    usage: usageOf(done, reasoningTokens),
    timings: timingsOf(done),
  };
}

export function logprobBody(entry: TokenLogprobs): object {
  return { ...tokenBody(entry), top_logprobs: entry.top.map(tokenBody) };
}

function tokenBody({ text, bytes, logprob, id }: TokenProbability): object {
  return { token: text, bytes: Array.from(bytes), logprob: finite(logprob), id };
}

/** What llama-server tells people who look for a fault: the prompt as the model saw it, and the answer as it came. */
export function verboseOf(prompt: string | undefined, { text, tokens, usage }: DonePart): object {
  return prompt === undefined
    ? {}
    : {
        __verbose: {
          prompt,
          content: text,
          tokens,
          tokens_evaluated: usage.promptTokens,
          tokens_predicted: usage.completionTokens,
        },
      };
}
