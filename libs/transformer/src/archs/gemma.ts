import type { Architecture } from '../architecture/architecture.js';
import { gatedOf } from '../architecture/feed-forward.js';
import { sequentialOf } from '../architecture/sequential.js';

/** Gemma: embeddings scaled by the root of the width, a gate with GELU, one table for input and output. */
export const gemma: Architecture = {
  name: 'gemma',
  families: 'Gemma, CodeGemma',
  read: (reader) =>
    sequentialOf(reader, {
      embedding: { scale: Math.fround(Math.sqrt(reader.count('embedding_length'))) },
      norm: 'rms',
      rope: 'halves',
      feedForward: (index, norms) => gatedOf(reader, index, norms, 'gelu'),
    }),
};
