import type { Architecture } from '../architecture/architecture.js';
import { plainOf } from '../architecture/feed-forward.js';
import { sequentialOf } from '../architecture/sequential.js';

/** GPT-J: attention and feed-forward side by side on one norm, part of a head rotated in pairs, GELU; biases but for attention. */
export const gptj: Architecture = {
  name: 'gptj',
  families: 'GPT-J, GPT4All-J',
  read: (reader) =>
    sequentialOf(reader, {
      norm: 'layer',
      rope: 'pairs',
      parallel: true,
      feedForwardNorm: 'attn_norm',
      feedForward: (index, norms) => plainOf(reader, index, norms, 'gelu'),
    }),
};
