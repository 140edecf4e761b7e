import type { Architecture } from '../architecture/architecture.js';
import { expertsOf, hasExperts } from '../architecture/experts.js';
import { attentionOf, decoderOf, gatedOf, headShapeOf, normOf } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';

/** Llama and what goes by its name: Mistral, Mixtral (with experts), TinyLlama, SmolLM, Yi and others. */
export const llama: Architecture = {
  name: 'llama',
  read: (reader) => {
    const width = reader.count('embedding_length');
    return decoderOf(reader, {
      norm: 'rms',
      layer: (index) => {
        const norms = { input: normOf(reader, 'rms', `blk.${index}.ffn_norm`, width) };
        return {
          mixer: attentionOf(reader, index, {
            norms: { input: normOf(reader, 'rms', `blk.${index}.attn_norm`, width) },
            rope: ropeOf(reader, headShapeOf(reader, index).keyLength, { style: 'pairs' }),
            scale: reader.optionalNumber('attention.scale'),
          }),
          feedForward: hasExperts(reader) ? expertsOf(reader, index, { norms }) : gatedOf(reader, index, norms, 'silu'),
        };
      },
    });
  },
};
