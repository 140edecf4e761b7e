import type { Architecture } from '../architecture/architecture.js';
import { feedForwardOf } from '../architecture/feed-forward.js';
import { sequentialOf } from '../architecture/sequential.js';

/** Qwen 1.5 and 2 MoE: weights of experts as the softmax gives them, and a shared expert behind a gate of its own. */
export const qwen2moe: Architecture = {
  name: 'qwen2moe',
  families: 'Qwen 1.5 and 2 with experts',
  read: (reader) =>
    sequentialOf(reader, {
      norm: 'rms',
      rope: 'halves',
      feedForward: (index, norms) => feedForwardOf(reader, index, norms, { normalize: false }),
    }),
};
