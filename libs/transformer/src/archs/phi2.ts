import type { Architecture } from '../architecture/architecture.js';
import { attentionOf, decoderOf, headShapeOf, normOf, plainOf } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';

/** Phi-2: attention and feed-forward side by side on one norm, part of a head rotated, biases everywhere, GELU. */
export const phi2: Architecture = {
  name: 'phi2',
  read: (reader) => {
    const width = reader.count('embedding_length');
    return decoderOf(reader, {
      norm: 'layer',
      layer: (index) => {
        const norms = { input: normOf(reader, 'layer', `blk.${index}.attn_norm`, width) };
        return {
          parallel: true,
          mixer: attentionOf(reader, index, { norms, rope: ropeOf(reader, headShapeOf(reader, index).keyLength, { style: 'halves' }) }),
          feedForward: plainOf(reader, index, norms, 'gelu'),
        };
      },
    });
  },
};
