import type { Architecture } from '../architecture/architecture.js';
import { plainOf } from '../architecture/feed-forward.js';
import { sequentialOf } from '../architecture/sequential.js';

/** StarCoder 2: norms and projections with biases, GELU without a gate. */
export const starcoder2: Architecture = {
  name: 'starcoder2',
  families: 'StarCoder 2',
  read: (reader) =>
    sequentialOf(reader, {
      norm: 'layer',
      rope: 'halves',
      feedForward: (index, norms) => plainOf(reader, index, norms, 'gelu'),
    }),
};
