import type { Architecture } from '../architecture/architecture.js';
import { gatedOf } from '../architecture/feed-forward.js';
import { attentionOf, decoderOf, headShapeOf, normOf, optionalNorm, queryKeyNorms } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';

/** StableLM 2: norms with bias, part of a head rotated; the 12B norms heads and runs both blocks side by side on one norm. */
export const stablelm: Architecture = {
  name: 'stablelm',
  families: 'StableLM 3B, StableLM 2',
  read: (reader) => {
    const width = reader.count('embedding_length');
    return decoderOf(reader, {
      norm: 'layer',
      layer: (index) => {
        const shape = headShapeOf(reader, index);
        const input = normOf(reader, 'layer', `blk.${index}.attn_norm`, width);
        const own = optionalNorm(reader, 'layer', `blk.${index}.ffn_norm`, width);
        return {
          parallel: own === undefined,
          mixer: attentionOf(reader, index, {
            norms: { input },
            ...queryKeyNorms(reader, 'layer', index, shape),
            rope: ropeOf(reader, shape.keyLength, { style: 'halves' }),
          }),
          feedForward: gatedOf(reader, index, { input: own ?? input }, 'silu'),
        };
      },
    });
  },
};
