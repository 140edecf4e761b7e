import type { DonePart, GenerateRequest, TokenPart } from '@starling/engine/web';
import type { Chunk } from './answer-builder.js';
import type { ChatBody } from './request-body.js';

/** What the API uses where a client says nothing. */
const DEFAULTS = { temperature: 1, topP: 1 };

/** A body of the API as the engine in the tab is asked. */
export function tabRequest(body: ChatBody, signal: AbortSignal): GenerateRequest {
  const { seed, reasoning_effort: effort } = body;
  const options = {
    temperature: body.temperature,
    topK: body.top_k,
    topP: body.top_p,
    minP: body.min_p,
    repeatPenalty: body.repeat_penalty,
    presencePenalty: body.presence_penalty,
    frequencyPenalty: body.frequency_penalty,
    maxTokens: body.max_tokens,
    seed: seed === undefined || seed < 0 ? undefined : seed,
    stop: body.stop,
    logprobs: body.logprobs && body.top_logprobs,
    jsonSchema: body.response_format?.json_schema.schema,
    templateVariables:
      effort === undefined
        ? undefined
        : { reasoning_effort: effort, ...(effort === 'none' && { enable_thinking: false }) },
  };
  // What is undefined would stand in the place of a default.
  const said = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return { ...DEFAULTS, ...said, messages: body.messages, progress: true, signal };
}

type Logprob = NonNullable<NonNullable<NonNullable<Chunk['choices']>[number]['logprobs']>['content'][number]>;

/** How likely a token was, as the API tells it. */
export function logprobOf({ text, bytes, logprob, top }: NonNullable<TokenPart['logprobs']>): Logprob {
  return {
    token: text,
    bytes: [...bytes],
    logprob,
    top_logprobs: top.map((other) => ({ token: other.text, bytes: [...other.bytes], logprob: other.logprob })),
  };
}

/** The end of an answer with its figures, as the API tells it. */
export function lastChunk({ finishReason, usage, timings }: DonePart): Chunk {
  return {
    choices: [{ finish_reason: finishReason === 'length' ? 'length' : 'stop' }],
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
