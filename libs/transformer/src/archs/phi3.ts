import type { Architecture } from '../architecture/architecture.js';
import { attentionOf, decoderOf, gatedOf, headShapeOf, normOf } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';

/**
 * Phi-3, 3.5 and 4: one matrix for queries, keys and values, one for gate and up; long contexts by LongRoPE. Windows that some
 * files name are not used, as in the reference.
 */
export const phi3: Architecture = {
  name: 'phi3',
  read: (reader) => {
    const width = reader.count('embedding_length');
    return decoderOf(reader, {
      norm: 'rms',
      layer: (index) => ({
        mixer: attentionOf(reader, index, {
          norms: { input: normOf(reader, 'rms', `blk.${index}.attn_norm`, width) },
          rope: ropeOf(reader, headShapeOf(reader, index).keyLength, { style: 'halves' }),
        }),
        feedForward: gatedOf(reader, index, { input: normOf(reader, 'rms', `blk.${index}.ffn_norm`, width) }, 'silu'),
      }),
    });
  },
};
