import { StarlingError, type Clock } from '@starling/core';
import { logProbabilities } from '@starling/sampler';
import type { PlannedSequence, Scheduler, SequenceHandle } from '@starling/scheduler';
import type { AdapterBook } from './adapters.js';
import type { PerplexityOptions, PerplexityResult } from './model-types.js';
import { failureOf, schedulingTermsOf, type RequestTerms } from './request-terms.js';
import type { StepLoop } from './step-loop.js';

/** What scoring needs of its model. */
export interface ScoreHost {
  readonly scheduler: Scheduler;
  readonly loop: StepLoop;
  readonly adapters: AdapterBook;
  readonly clock: Clock;
}

/** Sees the logits `(n_vocab)` after each position, in order; the row is only valid during the call. */
export type RowVisitor = (position: number, logits: Float32Array) => void;

let scores = 0;

/**
 * Runs tokens as a request beside all others, and shows the logits of every position.
 * @throws StarlingError queue_full, rate_limited, context_length_exceeded, deadline_exceeded, cancelled
 */
export function visitLogits(
  { scheduler, loop, adapters, clock }: ScoreHost,
  tokens: ArrayLike<number>,
  visit: RowVisitor,
  terms: RequestTerms = {},
): Promise<void> {
  const { signal } = terms;
  return new Promise((resolve, reject) => {
    let next = 0;
    const cancel = (): void => scheduler.cancel(handle);
    const handle: SequenceHandle = scheduler.submit({
      ...schedulingTermsOf(terms, clock),
      id: `score-${scores++}`,
      tokens,
      outputs: 'all',
      maxTokens: 0,
      adapterScales: adapters.choose().scales,
      onEnd(end) {
        loop.detach(handle);
        signal?.removeEventListener('abort', cancel);
        const failure = failureOf(end, 'the scoring');
        if (failure) reject(failure);
        else resolve();
      },
    });
    loop.attach(handle, {
      takeRow(planned: PlannedSequence, row: number, logits: Float32Array) {
        const position = planned.startPosition + row;
        // After a preemption rows come again that have been seen.
        if (position === next) visit(next++, logits);
        if (planned.isComplete && row === planned.rows - 1) scheduler.finish(handle);
      },
    });
    signal?.addEventListener('abort', cancel, { once: true });
    if (signal?.aborted) cancel();
  });
}

/** Perplexity over tokens: exp of the mean negative log-likelihood of each token after those before it in its chunk. */
export async function perplexityOf(
  host: ScoreHost,
  chunks: readonly ArrayLike<number>[],
  options: PerplexityOptions,
): Promise<PerplexityResult> {
  const skip = Math.max(1, options.skipTokens ?? 0);
  const scored: { negativeLogLikelihood: number; tokens: number }[] = [];
  for (const tokens of chunks) {
    const chunk = { negativeLogLikelihood: 0, tokens: 0 };
    const visit: RowVisitor = (position, logits) => {
      const next = position + 1;
      if (next < skip || next >= tokens.length) return;
      chunk.negativeLogLikelihood -= logProbabilities(logits, tokens[next]).logProbability;
      chunk.tokens++;
    };
    await visitLogits(host, tokens, visit, options);
    scored.push(chunk);
    options.onProgress?.(scored.length, chunks.length);
  }
  const negativeLogLikelihood = scored.reduce((sum, chunk) => sum + chunk.negativeLogLikelihood, 0);
  const tokens = scored.reduce((sum, chunk) => sum + chunk.tokens, 0);
  if (tokens === 0)
    throw new StarlingError('invalid_request', 'a perplexity needs a text of two tokens or more', {
      details: { param: 'text' },
    });
  return { perplexity: Math.exp(negativeLogLikelihood / tokens), negativeLogLikelihood, tokens, chunks: scored };
}

/** Cuts tokens into chunks of at most `length`, each beginning with `first` if there is one. A last chunk that would have nothing to score is left out. */
export function chunksOf(tokens: Uint32Array, length: number, first: number | undefined): Uint32Array[] {
  const step = length - (first === undefined ? 0 : 1);
  const chunks: Uint32Array[] = [];
  for (let begin = 0; begin < tokens.length; begin += step) {
    const part = tokens.subarray(begin, begin + step);
    chunks.push(first === undefined ? part : Uint32Array.of(first, ...part));
  }
  return chunks.filter(({ length: tokensInChunk }) => tokensInChunk > 1);
}
