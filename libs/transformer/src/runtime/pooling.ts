import { StarlingError } from '@starling/core';
import type { EmbeddingOutput, Pooling } from './model-runtime.js';
import { rankScore, type RankHead } from './rank-head.js';

/**
 * One vector for each text from the vectors of its tokens.
 * @param hidden (sum of lengths, width)
 * @param lengths tokens of each text
 * @param head needed for `rank`, which gives one number for each text
 * @throws StarlingError `invalid_argument` for `rank` without a head
 */
export function poolRows(hidden: Float32Array, width: number, lengths: readonly number[], pooling: Pooling, head?: RankHead): EmbeddingOutput {
  if (pooling === 'none') return { rows: hidden.length / width, vectors: hidden };
  if (pooling === 'rank') return { rows: lengths.length, vectors: scoresOf(hidden, width, lengths, head) };
  const vectors = new Float32Array(lengths.length * width);
  let first = 0;
  lengths.forEach((length, index) => {
    const target = vectors.subarray(index * width, (index + 1) * width);
    if (pooling === 'mean') meanInto(target, hidden, first, length);
    else {
      const row = first + (pooling === 'last' ? length - 1 : 0);
      target.set(hidden.subarray(row * width, (row + 1) * width));
    }
    first += length;
  });
  return { rows: lengths.length, vectors };
}

function meanInto(target: Float32Array, hidden: Float32Array, first: number, length: number): void {
  const width = target.length;
  for (let column = 0; column < width; column++) {
    let sum = 0;
    for (let row = first; row < first + length; row++) sum += hidden[row * width + column];
    target[column] = sum / length;
  }
}

function scoresOf(hidden: Float32Array, width: number, lengths: readonly number[], head: RankHead | undefined): Float32Array {
  if (!head) throw new StarlingError('invalid_argument', "Pooling 'rank' needs a model with a reranking head, and this one has none.");
  let first = 0;
  return Float32Array.from(lengths, (length) => {
    const row = first + (head.row === 'last' ? length - 1 : 0);
    first += length;
    return rankScore(head, hidden.subarray(row * width, (row + 1) * width));
  });
}
