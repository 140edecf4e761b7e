import type { Architecture } from '../architecture/architecture.js';
import { plainOf } from '../architecture/feed-forward.js';
import { sequentialOf } from '../architecture/sequential.js';

/** Phi-2: attention and feed-forward side by side on one norm, part of a head rotated, biases everywhere, GELU. */
export const phi2: Architecture = {
  name: 'phi2',
  families: 'Phi-1, 1.5 and 2',
  read: (reader) =>
    sequentialOf(reader, {
      norm: 'layer',
      rope: 'halves',
      parallel: true,
      feedForwardNorm: 'attn_norm',
      feedForward: (index, norms) => plainOf(reader, index, norms, 'gelu'),
    }),
};
