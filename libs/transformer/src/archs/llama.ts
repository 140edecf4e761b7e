import type { Architecture } from '../architecture/architecture.js';
import { attentionOf, decoderOf, gatedOf, headShapeOf, normOf } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';

/** Llama and what goes by its name: Mistral, TinyLlama, SmolLM, Yi and others. */
export const llama: Architecture = {
  name: 'llama',
  read: (reader) => {
    const width = reader.count('embedding_length');
    return decoderOf(reader, {
      norm: 'rms',
      layer: (index) => ({
        mixer: attentionOf(reader, index, {
          norms: { input: normOf(reader, 'rms', `blk.${index}.attn_norm`, width) },
          rope: ropeOf(reader, headShapeOf(reader, index).keyLength, { style: 'pairs' }),
          scale: reader.optionalNumber('attention.scale'),
        }),
        feedForward: gatedOf(reader, index, { input: normOf(reader, 'rms', `blk.${index}.ffn_norm`, width) }, 'silu'),
      }),
    });
  },
};
