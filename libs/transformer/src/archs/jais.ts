import type { Architecture } from '../architecture/architecture.js';
import { plainOf } from '../architecture/feed-forward.js';
import { sequentialOf } from '../architecture/sequential.js';

/** Jais: positions by ALiBi, biases everywhere, scores divided by the length of a head rather than its root. */
export const jais: Architecture = {
  name: 'jais',
  families: 'Jais',
  read: (reader) =>
    sequentialOf(reader, {
      norm: 'layer',
      attention: (_, { keyLength }) => ({
        alibiMaxBias: reader.optionalNumber('attention.max_alibi_bias') || undefined,
        scale: 1 / keyLength,
      }),
    }),
};

/** Jais 2: heads rotated, squared ReLU without a gate, biases everywhere. */
export const jais2: Architecture = {
  name: 'jais2',
  families: 'Jais 2',
  read: (reader) =>
    sequentialOf(reader, {
      norm: 'layer',
      rope: 'halves',
      feedForward: (index, norms) => plainOf(reader, index, norms, 'relu2'),
    }),
};
