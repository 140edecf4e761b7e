import type { Architecture } from '../architecture/architecture.js';
import { expertsOf } from '../architecture/experts.js';
import { attentionOf, decoderOf, headShapeOf, normOf } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';

/** Phi-3.5 MoE: norms of squares with a bias, biases on projections and logits, LongRoPE. */
export const phimoe: Architecture = {
  name: 'phimoe',
  read: (reader) => {
    const width = reader.count('embedding_length');
    return decoderOf(reader, {
      norm: 'rms',
      layer: (index) => ({
        mixer: attentionOf(reader, index, {
          norms: { input: normOf(reader, 'rms', `blk.${index}.attn_norm`, width) },
          rope: ropeOf(reader, headShapeOf(reader, index).keyLength, { style: 'halves' }),
        }),
        feedForward: expertsOf(reader, index, { norms: { input: normOf(reader, 'rms', `blk.${index}.ffn_norm`, width) }, length: reader.count('feed_forward_length', index) }),
      }),
    });
  },
};
