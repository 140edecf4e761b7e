import type { Architecture } from '../architecture/architecture.js';
import { attentionOf, decoderOf, gatedOf, headShapeOf, normOf, queryKeyNorms } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';

/** Qwen 3: norms of query and key heads before the rotation. */
export const qwen3: Architecture = {
  name: 'qwen3',
  read: (reader) => {
    const width = reader.count('embedding_length');
    return decoderOf(reader, {
      norm: 'rms',
      layer: (index) => {
        const shape = headShapeOf(reader, index);
        return {
          mixer: attentionOf(reader, index, {
            norms: { input: normOf(reader, 'rms', `blk.${index}.attn_norm`, width) },
            ...queryKeyNorms(reader, 'rms', index, shape),
            rope: ropeOf(reader, shape.keyLength, { style: 'halves' }),
          }),
          feedForward: gatedOf(reader, index, { input: normOf(reader, 'rms', `blk.${index}.ffn_norm`, width) }, 'silu'),
        };
      },
    });
  },
};
