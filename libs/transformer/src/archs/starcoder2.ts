import type { Architecture } from '../architecture/architecture.js';
import { attentionOf, decoderOf, headShapeOf, normOf, plainOf } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';

/** StarCoder 2: norms and projections with biases, GELU without a gate. */
export const starcoder2: Architecture = {
  name: 'starcoder2',
  read: (reader) => {
    const width = reader.count('embedding_length');
    return decoderOf(reader, {
      norm: 'layer',
      layer: (index) => ({
        mixer: attentionOf(reader, index, {
          norms: { input: normOf(reader, 'layer', `blk.${index}.attn_norm`, width) },
          rope: ropeOf(reader, headShapeOf(reader, index).keyLength, { style: 'halves' }),
        }),
        feedForward: plainOf(reader, index, { input: normOf(reader, 'layer', `blk.${index}.ffn_norm`, width) }, 'gelu'),
      }),
    });
  },
};
