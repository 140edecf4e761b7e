import type { Architecture } from '../architecture/architecture.js';
import { attentionOf, decoderOf, gatedOf, headShapeOf, normOf } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';

/** Qwen 2 and 2.5: biases on queries, keys and values, heads rotated as halves. */
export const qwen2: Architecture = {
  name: 'qwen2',
  read: (reader) => {
    const width = reader.count('embedding_length');
    return decoderOf(reader, {
      norm: 'rms',
      layer: (index) => ({
        mixer: attentionOf(reader, index, {
          norms: { input: normOf(reader, 'rms', `blk.${index}.attn_norm`, width) },
          rope: ropeOf(reader, headShapeOf(reader, index).keyLength, { style: 'halves' }),
        }),
        feedForward: gatedOf(reader, index, { input: normOf(reader, 'rms', `blk.${index}.ffn_norm`, width) }, 'silu'),
      }),
    });
  },
};
