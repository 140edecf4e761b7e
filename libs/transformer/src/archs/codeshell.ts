import type { Architecture } from '../architecture/architecture.js';
import { plainOf } from '../architecture/feed-forward.js';
import { sequentialOf } from '../architecture/sequential.js';

/** CodeShell: norms and projections with biases, GELU without a gate. */
export const codeshell: Architecture = {
  name: 'codeshell',
  families: 'CodeShell',
  read: (reader) =>
    sequentialOf(reader, {
      norm: 'layer',
      rope: 'halves',
      feedForward: (index, norms) => plainOf(reader, index, norms, 'gelu'),
    }),
};
