import type { Architecture } from '../architecture/architecture.js';
import type { NormSpec } from '../architecture/block-spec.js';
import { gatedOf } from '../architecture/feed-forward.js';
import { attentionOf, decoderOf, headShapeOf, normOf, queryKeyNorms } from '../architecture/parts.js';
import { isWithoutKeys } from '../architecture/recurrent-parts.js';
import { ropeOf } from '../architecture/rope.js';
import { headSelectiveSpaceOf } from '../architecture/selective-space.js';

/** PLaMo 2: Mamba with few heads, and attention with norms of heads in some layers; norms before and after each block. */
export const plamo2: Architecture = {
  name: 'plamo2',
  families: 'PLaMo 2',
  read: (reader) => {
    const width = reader.count('embedding_length');
    return decoderOf(reader, {
      norm: 'rms',
      layer: (index) => {
        const norm = (name: string): NormSpec => normOf(reader, 'rms', `blk.${index}.${name}`, width);
        const norms = { input: norm('attn_norm'), output: norm('post_attention_norm') };
        const feedForward = gatedOf(reader, index, { input: norm('ffn_norm'), output: norm('post_ffw_norm') }, 'silu');
        if (isWithoutKeys(reader, index)) return { mixer: headSelectiveSpaceOf(reader, index, norms), feedForward };
        const shape = headShapeOf(reader, index);
        const rope = ropeOf(reader, shape.keyLength, { style: 'halves' });
        return {
          mixer: attentionOf(reader, index, {
            norms,
            ...queryKeyNorms(reader, 'rms', index, shape),
            rope,
            scale: 1 / Math.sqrt(shape.valueLength),
          }),
          feedForward,
        };
      },
    });
  },
};
