import type { Architecture } from '../architecture/architecture.js';
import { attentionOf, decoderOf, headShapeOf, normOf, plainOf } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';

/** Arcee's AFM: Llama, with the square of relu in place of a gate. */
export const arcee: Architecture = {
  name: 'arcee',
  read: (reader) => {
    const width = reader.count('embedding_length');
    return decoderOf(reader, {
      norm: 'rms',
      layer: (index) => ({
        mixer: attentionOf(reader, index, {
          norms: { input: normOf(reader, 'rms', `blk.${index}.attn_norm`, width) },
          rope: ropeOf(reader, headShapeOf(reader, index).keyLength, { style: 'pairs' }),
          scale: reader.optionalNumber('attention.scale') || undefined,
        }),
        feedForward: plainOf(reader, index, { input: normOf(reader, 'rms', `blk.${index}.ffn_norm`, width) }, 'relu2'),
      }),
    });
  },
};
