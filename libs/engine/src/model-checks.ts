import { StarlingError } from '@starling/core';
import type { EngineModelInfo } from './model-types.js';

/** Checks that a model generates. @throws StarlingError invalid_request */
export function checkHasLogits({ hasLogits, name, architecture }: EngineModelInfo): void {
  if (hasLogits) return;
  throw new StarlingError('invalid_request', `model ${name} (${architecture}) gives embeddings, not text`, {
    details: { param: 'model', model: name },
  });
}

/** Checks that a model says of each token of a text how likely it is. @throws StarlingError invalid_request, not_supported */
export function checkGoesOn(info: EngineModelInfo): void {
  checkHasLogits(info);
  const { decoderStart, name } = info;
  if (decoderStart !== undefined)
    throw new StarlingError(
      'not_supported',
      `model ${name} reads a text as a whole and writes another: it does not say how likely one is by itself`,
      { details: { param: 'model', model: name } },
    );
}

/** Checks that prompt and answer fit. @throws StarlingError context_length_exceeded */
export function checkContext({ sequenceLimit: limit }: EngineModelInfo, tokens: number, toGenerate: number): void {
  if (tokens + toGenerate <= limit) return;
  throw new StarlingError(
    'context_length_exceeded',
    `the prompt has ${tokens} tokens; prompt and answer together can have ${limit}`,
    { details: { promptTokens: tokens, limit } },
  );
}
