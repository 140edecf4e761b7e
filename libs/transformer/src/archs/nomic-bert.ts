import type { Architecture } from '../architecture/architecture.js';
import { encoderOf } from '../architecture/encoder.js';
import { attentionOf, gatedOf, headShapeOf, normOf } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';

/** Nomic BERT: rotated heads instead of learned positions, a gate with SiLU, norms after each residual sum. */
export const nomicBert: Architecture = {
  name: 'nomic-bert',
  read: (reader) => {
    const width = reader.count('embedding_length');
    return encoderOf(reader, {
      learnedPositions: false,
      layer: (index) => ({
        mixer: attentionOf(reader, index, {
          norms: { sum: normOf(reader, 'layer', `blk.${index}.attn_output_norm`, width) },
          rope: ropeOf(reader, headShapeOf(reader, index).keyLength, { style: 'halves' }),
        }),
        feedForward: gatedOf(reader, index, { sum: normOf(reader, 'layer', `blk.${index}.layer_output_norm`, width) }, 'silu'),
      }),
    });
  },
};
