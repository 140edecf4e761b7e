import type { Architecture } from '../architecture/architecture.js';
import { attentionOf, decoderOf, gatedOf, headShapeOf, normOf } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';

/** Gemma: embeddings scaled by the root of the width, a gate with GELU, one table for input and output. */
export const gemma: Architecture = {
  name: 'gemma',
  read: (reader) => {
    const width = reader.count('embedding_length');
    return decoderOf(reader, {
      embedding: { scale: Math.fround(Math.sqrt(width)) },
      norm: 'rms',
      layer: (index) => ({
        mixer: attentionOf(reader, index, {
          norms: { input: normOf(reader, 'rms', `blk.${index}.attn_norm`, width) },
          rope: ropeOf(reader, headShapeOf(reader, index).keyLength, { style: 'halves' }),
        }),
        feedForward: gatedOf(reader, index, { input: normOf(reader, 'rms', `blk.${index}.ffn_norm`, width) }, 'gelu'),
      }),
    });
  },
};
