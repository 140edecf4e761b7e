import type { Architecture } from '../architecture/architecture.js';
import { plainOf } from '../architecture/feed-forward.js';
import { sequentialOf } from '../architecture/sequential.js';

/** Nemotron (and Minitron): norms with bias, squared ReLU without a gate, part of a head rotated. */
export const nemotron: Architecture = {
  name: 'nemotron',
  families: 'Nemotron 3 8B, Minitron',
  read: (reader) =>
    sequentialOf(reader, {
      norm: 'layer',
      rope: 'halves',
      feedForward: (index, norms) => plainOf(reader, index, norms, 'relu2'),
    }),
};
