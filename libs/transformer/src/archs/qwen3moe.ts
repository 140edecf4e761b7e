import type { Architecture } from '../architecture/architecture.js';
import { expertsOf } from '../architecture/experts.js';
import { attentionOf, decoderOf, headShapeOf, normOf, queryKeyNorms } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';

/** Qwen3 with experts in place of the feed-forward block. */
export const qwen3moe: Architecture = {
  name: 'qwen3moe',
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
          feedForward: expertsOf(reader, index, { norms: { input: normOf(reader, 'rms', `blk.${index}.ffn_norm`, width) } }),
        };
      },
    });
  },
};
