import { parameterError, StarlingError, type Clock } from '@starling/core';
import type { Scheduler, SequenceEnd, SequenceHandle } from '@starling/scheduler';
import type { Tokenizer } from '@starling/tokenizer';
import type { EmbeddingOutput, ModelInfo, ModelRuntime, TextPooler } from '@starling/transformer';
import type { AdapterBook } from './adapters.js';
import { encoded, type Steps } from './aside/steps.js';
import type { EmbedOptions, EmbedResult } from './model-types.js';
import { checkedTokens } from './prompt.js';
import { failureOf, schedulingTermsOf } from './request-terms.js';
import type { StepLoop } from './step-loop.js';

/** What embedding needs of its model. */
export interface EmbedHost {
  readonly info: ModelInfo;
  readonly scheduler: Scheduler;
  readonly loop: StepLoop;
  readonly adapters: AdapterBook;
  readonly pooler: ModelRuntime['pooler'];
  readonly clock: Clock;
}

/** A text, or two in one. */
export interface EmbedInput {
  readonly tokens: Uint32Array;
  /** The number of the first token of the second. */
  readonly secondFrom?: number;
}

type Input = string | ArrayLike<number>;

const isOne = (input: Input | readonly Input[]): input is Input =>
  typeof input === 'string' || typeof input[0] === 'number';

/** Texts (with BOS and the like) and token lists, one or several, as they are embedded. @throws StarlingError invalid_request for an id that is not in the vocabulary */
export function* embedInputs(tokenizer: Tokenizer, inputs: Input | readonly Input[]): Steps<EmbedInput[]> {
  const all: EmbedInput[] = [];
  const [several, param] = isOne(inputs) ? [[inputs], () => 'input'] : [inputs, (i: number) => `input[${i}]`];
  for (const [i, one] of several.entries()) {
    all.push({
      tokens:
        typeof one === 'string'
          ? yield* encoded(tokenizer, one, { addSpecial: true })
          : checkedTokens(one, tokenizer.vocabSize, param(i)),
    });
    yield { kind: 'pause' };
  }
  return all;
}

let requests = 0;

/**
 * Embeds texts given as tokens: each is a sequence of the scheduler beside all others, in chunks if the model is causal. A few of them wait at a time, so that a request of
 * many texts takes no more of the queue than one of few; once the first was let in, so are the rest.
 * @throws StarlingError context_length_exceeded for a text that does not fit, not_supported for pooling `rank` without a head, queue_full, rate_limited, deadline_exceeded, kv_exhausted, cancelled
 */
export function embedTokens(
  host: EmbedHost,
  texts: readonly EmbedInput[],
  options: EmbedOptions,
): Promise<EmbedResult> {
  return new Promise((resolve, reject) => {
    const { info, scheduler, loop } = host;
    // What sees a text as a whole has it in one step, also in pages of windowed layers; others go on from chunk to chunk, and windows slide.
    const wholeLimit = info.causal
      ? Infinity
      : Math.min(info.maxBatchTokens, info.windowed ? info.windowed.pageCount * info.pageTokens : Infinity);
    const limit = Math.min(scheduler.sequenceLimit, wholeLimit);
    texts.forEach(({ tokens }, input) => checkLength(tokens.length, input, limit));
    const { signal, normalize = true, adapters, pooling = info.pooling ?? 'mean' } = options;
    if (pooling === 'rank' && !info.ranks)
      throw parameterError('not_supported', 'pooling', "cannot be 'rank': the model has no head that scores texts");
    if (signal?.aborted) throw new StarlingError('cancelled', 'the embedding was cancelled');
    const isNormalized = normalize && pooling !== 'rank';
    const id = `embedding-${requests++}`;
    const common = {
      ...schedulingTermsOf(options, host.clock),
      outputs: host.pooler(pooling).outputs,
      pooling,
      inParts: info.causal,
      adapterScales: host.adapters.choose(adapters).scales,
      maxTokens: 0,
    } as const;
    const rows: Float32Array[][] = texts.map(() => []);
    const under = new Set<SequenceHandle>();
    let begun = 0;
    let done = 0;
    let failure: StarlingError | undefined;

    const cancel = (): void => {
      for (const handle of [...under]) scheduler.cancel(handle);
    };
    const settle = (): void => {
      signal?.removeEventListener('abort', cancel);
      if (failure) reject(failure);
      else
        resolve({
          vectors: rows.flat(),
          inputs: rows.flatMap((vectors, input) => vectors.map(() => input)),
          promptTokens: texts.reduce((sum, { tokens }) => sum + tokens.length, 0),
        });
    };
    const onEnd = (handle: SequenceHandle, end: SequenceEnd): void => {
      loop.detach(handle);
      under.delete(handle);
      done++;
      const failed = failureOf(end, 'the embedding');
      if (failed && failure === undefined) {
        failure = failed;
        // The last of those that are ended so settles it.
        if (under.size > 0) return cancel();
      }
      if (failure === undefined) begin();
      if (under.size === 0 && (failure !== undefined || done === texts.length)) settle();
    };
    const begin = (): void => {
      while (begun < texts.length && under.size < info.maxSequences) {
        const input = begun++;
        let pooler: TextPooler | undefined;
        const { tokens, secondFrom } = texts[input];
        const handle: SequenceHandle = scheduler.submit({
          ...common,
          tokens,
          ...(!info.causal && { secondFrom }),
          id: `${id}/${input}`,
          isAdmitted: input > 0,
          onEnd: (end) => onEnd(handle, end),
        });
        under.add(handle);
        loop.attach(handle, {
          takeRow(planned, row, hidden) {
            // It begins anew where it lost its pages on the way.
            if (planned.startPosition + row === 0) pooler = undefined;
            pooler ??= host.pooler(pooling);
            pooler.add(hidden);
            if (!planned.isComplete || row < planned.rows - 1) return;
            rows[input] = vectorsOf(pooler.output()).map((vector) => (isNormalized ? normalized(vector) : vector));
            scheduler.finish(handle);
          },
        });
      }
    };

    begin();
    signal?.addEventListener('abort', cancel, { once: true });
    if (texts.length === 0) settle();
  });
}

function checkLength(tokens: number, input: number, limit: number): void {
  if (tokens === 0)
    throw new StarlingError('invalid_request', `input ${input} comes to no token at all`, {
      details: { param: 'input', input },
    });
  if (tokens > limit) {
    throw new StarlingError(
      'context_length_exceeded',
      `input ${input} has ${tokens} tokens; at most ${limit} can be embedded at once`,
      { details: { param: 'input', input, promptTokens: tokens, limit } },
    );
  }
}

const vectorsOf = ({ rows, vectors }: EmbeddingOutput): Float32Array[] =>
  Array.from({ length: rows }, (_, row) =>
    vectors.slice((row * vectors.length) / rows, ((row + 1) * vectors.length) / rows),
  );

function normalized(vector: Float32Array): Float32Array {
  let sum = 0;
  for (const value of vector) sum += value * value;
  const length = Math.sqrt(sum);
  return length > 0 ? vector.map((value) => value / length) : vector.slice();
}
