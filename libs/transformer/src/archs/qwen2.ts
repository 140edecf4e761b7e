import type { Architecture } from '../architecture/architecture.js';
import { sequentialOf } from '../architecture/sequential.js';

/** Qwen 2 and 2.5: biases on queries, keys and values, heads rotated as halves. */
export const qwen2: Architecture = {
  name: 'qwen2',
  families: 'Qwen 1.5, 2 and 2.5, QwQ, DeepSeek R1 Distill Qwen',
  read: (reader) => sequentialOf(reader, { norm: 'rms', rope: 'halves' }),
};
