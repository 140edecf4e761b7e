import type { Architecture } from '../architecture/architecture.js';
import { feedForwardOf } from '../architecture/feed-forward.js';
import { queryKeyNorms } from '../architecture/parts.js';
import { sequentialOf } from '../architecture/sequential.js';

/** OLMoE: norms over whole rows of queries and keys, weights of experts as the softmax gives them. */
export const olmoe: Architecture = {
  name: 'olmoe',
  families: 'OLMoE',
  read: (reader) =>
    sequentialOf(reader, {
      norm: 'rms',
      rope: 'halves',
      attention: (index, shape) => queryKeyNorms(reader, 'rms', index, shape),
      feedForward: (index, norms) => feedForwardOf(reader, index, norms, { normalize: false }),
    }),
};
