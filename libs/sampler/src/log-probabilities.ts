import { StarlingError } from '@starling/core';

/** A token and the natural logarithm of its probability. */
export interface TokenLogProbability {
  readonly id: number;
  readonly logProbability: number;
}

/** How likely a token was, and what was likely instead. */
export interface TokenLogProbabilities extends TokenLogProbability {
  /** How many tokens were more likely. */
  readonly rank: number;
  /** The most likely tokens, most likely first; of equal ones the lower id. */
  readonly top: readonly TokenLogProbability[];
}

/**
 * What the model itself said of token `id`, before any sampling stage: log softmax over the full vocabulary, in double precision.
 * `logits` (n_vocab) are not changed.
 * @throws StarlingError invalid_argument for an id outside of the vocabulary.
 */
export function logProbabilities(logits: Float32Array, id: number, topCount = 0): TokenLogProbabilities {
  return row(logits, 0, logits.length, id, topCount);
}

/**
 * The same for a prompt: how likely each of its tokens was after those before it. `logits` is (tokens.length, n_vocab) or one row
 * less, row i being the prediction after token i. The first token, which nothing predicted, gets null.
 */
export function promptLogProbabilities(
  logits: Float32Array,
  tokens: ArrayLike<number>,
  vocabularySize: number,
  topCount = 0,
): (TokenLogProbabilities | null)[] {
  if (logits.length < (tokens.length - 1) * vocabularySize) {
    throw new StarlingError(
      'invalid_argument',
      `expected logits of at least ${tokens.length - 1} positions of ${vocabularySize}, not ${logits.length} numbers`,
      {
        details: { positions: tokens.length - 1, vocabularySize, received: logits.length },
      },
    );
  }
  return Array.from(tokens, (id, i) =>
    i === 0 ? null : row(logits, (i - 1) * vocabularySize, vocabularySize, id, topCount),
  );
}

function row(logits: Float32Array, start: number, size: number, id: number, topCount: number): TokenLogProbabilities {
  if (!Number.isInteger(id) || id < 0 || id >= size) {
    throw new StarlingError('invalid_argument', `token ${id} is not one of the vocabulary's ${size}`, {
      details: { id, vocabularySize: size },
    });
  }
  const end = start + size;
  const own = logits[start + id];
  let maximum = -Infinity;
  for (let i = start; i < end; i++) if (logits[i] > maximum) maximum = logits[i];
  let sum = 0;
  let rank = 0;
  for (let i = start; i < end; i++) {
    sum += Math.exp(logits[i] - maximum);
    if (logits[i] > own) rank++;
  }
  const logSum = maximum + Math.log(sum);
  const top = topIndices(logits, start, end, topCount).map((index) => ({
    id: index - start,
    logProbability: logits[index] - logSum,
  }));
  return { id, logProbability: own - logSum, rank, top };
}

/** The indices of the `count` largest of `values[start, end)`, largest first, the lower index first among equals. */
function topIndices(values: Float32Array, start: number, end: number, count: number): number[] {
  const kept: number[] = [];
  for (let i = start; i < end && count > 0; i++) {
    if (kept.length === count && !(values[i] > values[kept[count - 1]])) continue;
    let at = kept.length === count ? count - 1 : kept.length;
    for (; at > 0 && values[i] > values[kept[at - 1]]; at--) kept[at] = kept[at - 1];
    kept[at] = i;
  }
  return kept;
}
