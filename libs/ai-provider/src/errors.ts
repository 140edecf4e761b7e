import { APICallError } from '@ai-sdk/provider';
import { isStarlingError, renamedParameter } from '@starling/core';
import { isOption, PROVIDER } from './options.js';

/** The SDK's names for what the engine calls otherwise. */
const NAMES: Readonly<Record<string, string>> = {
  messages: 'prompt',
  maxTokens: 'maxOutputTokens',
  stop: 'stopSequences',
  jsonSchema: 'responseFormat.schema',
  toolCalls: 'tools',
  input: 'values',
  signal: 'abortSignal',
};

/**
 * An error of the engine as callers of the SDK know it: one that may pass (a full queue, a deadline) is an `APICallError` that the SDK tries again,
 * with ours as its cause; others stay `StarlingError`, with the parameter under the caller's name for it. After an abort it is what the caller gave as its reason.
 */
export function callerError(error: unknown, modelId: string, signal?: AbortSignal): unknown {
  if (signal?.aborted === true) return signal.reason;
  if (!isStarlingError(error)) return error;
  const { param } = error.details;
  const head = typeof param === 'string' ? param.split(/[.[]/, 1)[0] : undefined;
  const own =
    head === undefined
      ? undefined
      : (NAMES[head] ?? (isOption(head) ? `providerOptions.${PROVIDER}.${head}` : undefined));
  const named = own === undefined ? error : renamedParameter(error, own + String(param).slice(head!.length));
  if (!named.kind.retryable) return named;
  return new APICallError({
    message: named.message,
    url: `${PROVIDER}:${modelId}`,
    requestBodyValues: {},
    isRetryable: true,
    cause: named,
    data: { code: named.code },
  });
}
