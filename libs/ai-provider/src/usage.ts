import type {
  JSONObject,
  LanguageModelV3FinishReason,
  LanguageModelV3Usage,
  SharedV3ProviderMetadata,
} from '@ai-sdk/provider';
import type { ChatSample, DonePart, TokenLogprobs, TokenProbability } from '@starling/engine';
import { PROVIDER } from './options.js';

const FINISH: Readonly<Record<ChatSample['finishReason'], LanguageModelV3FinishReason['unified']>> = {
  stop: 'stop',
  length: 'length',
  tool_calls: 'tool-calls',
  deadline: 'length',
  cancelled: 'other',
};

/** Why an answer ended, in the SDK's words, and in ours (`raw`). */
export const finishOf = ({ finishReason }: Pick<ChatSample, 'finishReason'>): LanguageModelV3FinishReason => ({
  unified: FINISH[finishReason],
  raw: finishReason,
});

/** The figures of an answer. @param reasoningTokens those of its reasoning, markers left out */
export function usageOf({ usage }: DonePart, reasoningTokens: number): LanguageModelV3Usage {
  const { promptTokens, cachedTokens, completionTokens, cacheMiss } = usage;
  const reasoning = Math.min(reasoningTokens, completionTokens);
  return {
    inputTokens: {
      total: promptTokens,
      noCache: promptTokens - cachedTokens,
      cacheRead: cachedTokens,
      cacheWrite: undefined,
    },
    outputTokens: { total: completionTokens, text: completionTokens - reasoning, reasoning },
    raw: { promptTokens, cachedTokens, completionTokens, ...(cacheMiss && { cacheMiss: { ...cacheMiss } }) },
  };
}

/** The figures of an answer that came to nothing. */
export const NO_USAGE: LanguageModelV3Usage = {
  inputTokens: { total: undefined, noCache: undefined, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: undefined, text: undefined, reasoning: undefined },
};

/** What the SDK has no field for: why the answer stopped, what to go on from, where its time went, and how likely its tokens were. */
export function metadataOf(
  { result, warnings }: ChatSample,
  { sessionId, timings }: DonePart,
): SharedV3ProviderMetadata {
  const { stopReason, stopSequence, logprobs } = result;
  return {
    [PROVIDER]: {
      stopReason: { ...stopReason },
      timings: { ...timings },
      ...(stopSequence !== undefined && { stopSequence }),
      ...(sessionId !== undefined && { sessionId }),
      ...(warnings.length > 0 && { warnings: [...warnings] }),
      ...(logprobs && { logprobs: logprobs.map(logprobOf) }),
    },
  };
}

const tokenOf = ({ id, text, logprob }: TokenProbability): JSONObject => ({ id, text, logprob });
const logprobOf = ({ rank, top, ...token }: TokenLogprobs): JSONObject => ({
  ...tokenOf(token),
  rank,
  top: top.map(tokenOf),
});
