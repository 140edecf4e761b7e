import type { Architecture } from '../architecture/architecture.js';
import { expertsOf } from '../architecture/experts.js';
import { attentionOf, decoderOf, headShapeOf, normOf, queryKeyNorms } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';

/** OLMoE: norms over whole rows of queries and keys, weights of experts as the softmax gives them. */
export const olmoe: Architecture = {
  name: 'olmoe',
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
          feedForward: expertsOf(reader, index, { norms: { input: normOf(reader, 'rms', `blk.${index}.ffn_norm`, width) }, length: reader.count('feed_forward_length', index), normalize: false }),
        };
      },
    });
  },
};
