import type { Architecture } from '../architecture/architecture.js';
import { gatedOf } from '../architecture/feed-forward.js';
import { attentionOf, decoderOf, headShapeOf, normOf, withoutBiases } from '../architecture/parts.js';
import { stateSpaceOf } from '../architecture/recurrent-parts.js';
import { ropeOf, withoutFactors } from '../architecture/rope.js';

/** Falcon-H1: in each layer attention and Mamba-2 read the same input, and their outputs are added. Multipliers are in the weights already. */
export const falconH1: Architecture = {
  name: 'falcon-h1',
  families: 'Falcon-H1',
  read: (reader) => {
    const width = reader.count('embedding_length');
    withoutFactors(reader, 'one');
    withoutBiases(reader, 'attn_output');
    return decoderOf(reader, {
      norm: 'rms',
      layer: (index) => {
        const shape = headShapeOf(reader, index);
        const rope = ropeOf(reader, shape.keyLength, { style: 'halves' });
        return {
          mixer: {
            kind: 'sum',
            norms: { input: normOf(reader, 'rms', `blk.${index}.attn_norm`, width) },
            mixers: [attentionOf(reader, index, { norms: {}, rope }), stateSpaceOf(reader, index, {})],
          },
          feedForward: gatedOf(reader, index, { input: normOf(reader, 'rms', `blk.${index}.ffn_norm`, width) }, 'silu'),
        };
      },
    });
  },
};
