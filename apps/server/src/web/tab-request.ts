import type { ChatPart, ChatRequest, ChatSample, DonePart, TokenPart, WebLoadOptions } from '@starling/engine/web';
import type { Chunk } from './answer-builder.js';
import type { TabDefaults } from './api.js';
import type { ChatBody } from './request-body.js';

/** What the API uses where a client says nothing. */
const DEFAULTS = { temperature: 1, topP: 1 };

/** How a model is loaded so that it answers as it does in the server. */
export const tabLoadOptions = ({
  chatTemplate,
  samplerDefaults,
}: TabDefaults): Pick<WebLoadOptions, 'chatTemplate' | 'samplerDefaults'> => ({
  ...(chatTemplate !== undefined && { chatTemplate }),
  ...(samplerDefaults && {
    samplerDefaults: {
      ...samplerDefaults,
      logitBias: samplerDefaults.logitBias?.map(([token, bias]) => [token, Number(bias)] as const),
    },
  }),
});

/** A body of the API as the engine in the tab is asked: with what the server adds where the body says nothing. */
export function tabRequest(body: ChatBody, defaults: TabDefaults, signal: AbortSignal): ChatRequest {
  const { seed, reasoning_effort: effort, tools, messages } = body;
  const last = messages.at(-1);
  const goesOn = last?.role === 'assistant' && last.tool_calls === undefined;
  const variables = {
    ...defaults.templateVariables,
    // What llama-server tells templates of tools, where the server was told to do so.
    ...(defaults.templateVariables?.functions !== undefined &&
      tools && { functions: JSON.stringify(tools, undefined, 2) }),
    ...(effort !== undefined && { reasoning_effort: effort, ...(effort === 'none' && { enable_thinking: false }) }),
  };
  const options = {
    temperature: body.temperature,
    topK: body.top_k,
    topP: body.top_p,
    minP: body.min_p,
    repeatPenalty: body.repeat_penalty,
    presencePenalty: body.presence_penalty,
    frequencyPenalty: body.frequency_penalty,
    maxTokens: body.max_tokens ?? defaults.maxTokens,
    reasoningTokens: defaults.reasoningTokens,
    seed: seed === undefined || seed < 0 ? undefined : seed,
    stop: body.stop,
    logprobs: body.logprobs && body.top_logprobs,
    jsonSchema: body.response_format?.json_schema.schema,
    templateVariables: Object.keys(variables).length === 0 ? undefined : variables,
    tools,
    ...(goesOn && { continueFinalMessage: true, addGenerationPrompt: false }),
  };
  // What is undefined would stand in the place of a default.
  const said = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return { ...(defaults.samplerDefaults === undefined && DEFAULTS), ...said, messages, progress: true, signal };
}

type Logprob = NonNullable<NonNullable<NonNullable<Chunk['choices']>[number]['logprobs']>['content'][number]>;

/** How likely a token was, as the API tells it. */
function logprobOf({ text, bytes, logprob, top }: NonNullable<TokenPart['logprobs']>): Logprob {
  return {
    token: text,
    bytes: [...bytes],
    logprob,
    top_logprobs: top.map((other) => ({ token: other.text, bytes: [...other.bytes], logprob: other.logprob })),
  };
}

/** Ids of calls: the page's own, since the way to make better ones is not there for every page. */
let calls = 0;
const newCallId = (): string => `call_${Date.now().toString(36)}${(calls++).toString(36)}`;

type Delta = NonNullable<NonNullable<Chunk['choices']>[number]['delta']>;

function deltaOf(delta: Extract<ChatPart, { kind: 'deltas' }>['deltas'][number]): Delta {
  if (delta.kind === 'content') return { content: delta.text };
  if (delta.kind === 'reasoning') return { reasoning_content: delta.text };
  const { index } = delta;
  return {
    tool_calls: [
      delta.kind === 'call'
        ? { index, id: delta.id ?? newCallId(), function: { name: delta.name, arguments: '' } }
        : { index, function: { arguments: delta.text } },
    ],
  };
}

/** More of an answer, as the API tells it: a chunk for each piece, and how likely the token was with the first. */
export function deltaChunks({ deltas, logprobs }: Extract<ChatPart, { kind: 'deltas' }>): Chunk[] {
  const told = logprobs && { logprobs: { content: [logprobOf(logprobs)] } };
  if (deltas.length === 0) return [{ choices: [{ delta: { content: '' }, ...told }] }];
  return deltas.map((delta, i) => ({ choices: [{ delta: deltaOf(delta), ...(i === 0 && told) }] }));
}

/** The end of an answer with its figures, as the API tells it. */
export function lastChunk(finishReason: ChatSample['finishReason'], { usage, timings }: DonePart): Chunk {
  return {
    choices: [{ finish_reason: finishReason === 'length' || finishReason === 'tool_calls' ? finishReason : 'stop' }],
    usage: {
      prompt_tokens: usage.promptTokens,
      completion_tokens: usage.completionTokens,
      prompt_tokens_details: { cached_tokens: usage.cachedTokens },
    },
    timings: {
      prompt_per_second: timings.promptTps,
      predicted_per_second: timings.decodeTps,
      first_token_ms: timings.firstTokenMs,
      queue_ms: timings.queueMs,
    },
  };
}
