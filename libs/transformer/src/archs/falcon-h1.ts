import type { Architecture } from '../architecture/architecture.js';
import { attentionOf, decoderOf, gatedOf, headShapeOf, normOf, weightlessNorm } from '../architecture/parts.js';
import { stateSpaceOf } from '../architecture/recurrent-parts.js';
import { ropeOf } from '../architecture/rope.js';

/** Falcon-H1: in each layer attention and Mamba-2 read the same input, and their outputs are added. Multipliers are in the weights already. */
export const falconH1: Architecture = {
  name: 'falcon-h1',
  read: (reader) => {
    const width = reader.count('embedding_length');
    return decoderOf(reader, {
      norm: 'rms',
      layer: (index) => {
        const rope = ropeOf(reader, headShapeOf(reader, index).keyLength, { style: 'halves' });
        const scale = reader.optionalNumber('attention.scale') || undefined;
        // Files of this architecture name the tensor without its usual ending.
        const name = reader.has(`blk.${index}.ffn_norm`) ? `blk.${index}.ffn_norm` : `blk.${index}.ffn_norm.weight`;
        const feedForwardNorm = { ...weightlessNorm(reader, 'rms'), weight: reader.vector(name, width) };
        return {
          mixer: {
            kind: 'sum',
            norms: { input: normOf(reader, 'rms', `blk.${index}.attn_norm`, width) },
            mixers: [attentionOf(reader, index, { norms: {}, rope, scale }), stateSpaceOf(reader, index, {})],
          },
          feedForward: gatedOf(reader, index, { input: feedForwardNorm }, 'silu'),
        };
      },
    });
  },
};
