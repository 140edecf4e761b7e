import type { Architecture } from '../architecture/architecture.js';
import { encoderOf } from '../architecture/encoder.js';
import { attentionOf, normOf, plainOf } from '../architecture/parts.js';

/** BERT: learned positions, norms after each residual sum, biases everywhere, GELU. */
export const bert: Architecture = {
  name: 'bert',
  read: (reader) => {
    const width = reader.count('embedding_length');
    return encoderOf(reader, {
      learnedPositions: true,
      layer: (index) => ({
        mixer: attentionOf(reader, index, { norms: { sum: normOf(reader, 'layer', `blk.${index}.attn_output_norm`, width) } }),
        feedForward: plainOf(reader, index, { sum: normOf(reader, 'layer', `blk.${index}.layer_output_norm`, width) }, 'gelu'),
      }),
    });
  },
};
