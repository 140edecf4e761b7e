import { StarlingError } from '@starling/core';
import { KvSequence, type PageArena } from '@starling/kvcache';
import type { Scheduler } from '@starling/scheduler';
import type { ModelRuntime, Pooling } from '@starling/transformer';
import type { EmbedOptions, EmbedResult } from './model-types.js';
import type { StepLoop } from './step-loop.js';

/** What embedding needs of its model. */
export interface EmbedHost {
  readonly runtime: ModelRuntime;
  readonly arena: PageArena;
  readonly scheduler: Scheduler;
  readonly loop: StepLoop;
  /** Throws once the model is being closed without waiting. */
  checkUsable(): void;
}

/**
 * Embeds texts given as tokens. Batches take turns with the steps of generations.
 * @throws StarlingError context_length_exceeded for a text that does not fit into one step, kv_exhausted, cancelled
 */
export async function embedTokens(host: EmbedHost, inputs: readonly Uint32Array[], options: EmbedOptions): Promise<EmbedResult> {
  const { info } = host.runtime;
  const pooling = options.pooling ?? info.pooling ?? 'mean';
  const limit = Math.min(info.maxBatchTokens, host.scheduler.sequenceLimit);
  inputs.forEach((tokens, input) => checkLength(tokens.length, input, limit));
  const vectors: Float32Array[] = [];
  const owners: number[] = [];
  for (let begin = 0; begin < inputs.length; ) {
    host.checkUsable();
    if (options.signal?.aborted) throw new StarlingError('cancelled', 'the embedding was cancelled');
    const end = endOfBatch(inputs, begin, info.maxBatchTokens, info.maxSequences);
    const rows = await embedBatch(host, inputs.slice(begin, end), pooling);
    let row = 0;
    for (let input = begin; input < end; input++) {
      const count = pooling === 'none' ? inputs[input].length : 1;
      for (let i = 0; i < count; i++, row++) {
        vectors.push(options.normalize === false || pooling === 'rank' ? rows[row] : normalized(rows[row]));
        owners.push(input);
      }
    }
    begin = end;
  }
  return { vectors, inputs: owners, promptTokens: inputs.reduce((sum, { length }) => sum + length, 0) };
}

/** One batch, in pages that are borrowed for it. */
async function embedBatch({ runtime, arena, scheduler, loop }: EmbedHost, inputs: readonly Uint32Array[], pooling: Pooling): Promise<Float32Array[]> {
  let rows: Float32Array[] = [];
  await loop.between(async () => {
    const sequences = inputs.map((_, slot) => new KvSequence(arena, slot));
    try {
      // A slot's recurrent state belongs to whoever runs in it.
      if (runtime.info.hasRecurrentState && !scheduler.isIdle) return false;
      const pages = inputs.reduce((sum, { length }) => sum + arena.pagesFor(length), 0);
      if (pages > arena.freePages && !scheduler.isIdle) return false;
      const batch = inputs.map((tokens, slot) => {
        sequences[slot].reserve(tokens.length);
        return { tokens, startPosition: 0, pages: sequences[slot].pages, slot, outputs: 'none' } as const;
      });
      const { rows: count, vectors } = await runtime.embed(batch, { pooling });
      const width = vectors.length / count;
      rows = Array.from({ length: count }, (_, row) => vectors.slice(row * width, (row + 1) * width));
      return true;
    } finally {
      for (const sequence of sequences) sequence.release();
    }
  });
  return rows;
}

function endOfBatch(inputs: readonly Uint32Array[], begin: number, maxTokens: number, maxSequences: number): number {
  let tokens = inputs[begin].length;
  let end = begin + 1;
  while (end < inputs.length && end - begin < maxSequences && tokens + inputs[end].length <= maxTokens) tokens += inputs[end++].length;
  return end;
}

function checkLength(tokens: number, input: number, limit: number): void {
  if (tokens === 0) throw new StarlingError('invalid_request', `input ${input} comes to no token at all`, { details: { param: 'input', input } });
  if (tokens > limit) {
    throw new StarlingError('context_length_exceeded', `input ${input} has ${tokens} tokens; at most ${limit} can be embedded at once`, { details: { param: 'input', input, promptTokens: tokens, limit } });
  }
}

function normalized(vector: Float32Array): Float32Array {
  let sum = 0;
  for (const value of vector) sum += value * value;
  const length = Math.sqrt(sum);
  return length > 0 ? vector.map((value) => value / length) : vector;
}
