import type { Architecture } from '../architecture/architecture.js';
import { plainOf } from '../architecture/feed-forward.js';
import { sequentialOf } from '../architecture/sequential.js';

/** Arcee's AFM: Llama, with the square of relu in place of a gate. */
export const arcee: Architecture = {
  name: 'arcee',
  families: 'Arcee AFM',
  read: (reader) =>
    sequentialOf(reader, {
      norm: 'rms',
      rope: 'pairs',
      factors: 'one',
      feedForward: (index, norms) => plainOf(reader, index, norms, 'relu2'),
    }),
};
