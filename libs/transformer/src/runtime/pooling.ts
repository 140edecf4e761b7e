import type { EmbeddingOutput, Pooling } from './model-runtime.js';

/**
 * One vector for each text from the vectors of its tokens.
 * @param hidden (sum of lengths, width)
 * @param lengths tokens of each text
 */
export function poolRows(hidden: Float32Array, width: number, lengths: readonly number[], pooling: Pooling): EmbeddingOutput {
  if (pooling === 'none') return { rows: hidden.length / width, vectors: hidden };
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
