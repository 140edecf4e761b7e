import type { Architecture } from '../architecture/architecture.js';
import { plainOf } from '../architecture/feed-forward.js';
import { attentionOf, decoderOf, headShapeOf, normOf, optionalNorm } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';

/** Falcon: both blocks side by side, on one norm (7B) or on one each (40B: `attn_norm_2` is the attention's), GELU. */
export const falcon: Architecture = {
  name: 'falcon',
  families: 'Falcon',
  read: (reader) => {
    const width = reader.count('embedding_length');
    return decoderOf(reader, {
      norm: 'layer',
      layer: (index) => {
        const norm = normOf(reader, 'layer', `blk.${index}.attn_norm`, width);
        return {
          parallel: true,
          mixer: attentionOf(reader, index, {
            norms: { input: optionalNorm(reader, 'layer', `blk.${index}.attn_norm_2`, width) ?? norm },
            rope: ropeOf(reader, headShapeOf(reader, index).keyLength, { style: 'halves' }),
          }),
          feedForward: plainOf(reader, index, { input: norm }, 'gelu'),
        };
      },
    });
  },
};
