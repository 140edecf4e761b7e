import type { Architecture } from '../architecture/architecture.js';
import { attentionOf, decoderOf, gatedOf, headShapeOf, normOf } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';

/** Granite 3: embeddings, scores, residual branches and logits each have a multiplier. */
export const granite: Architecture = {
  name: 'granite',
  read: (reader) => {
    const width = reader.count('embedding_length');
    // Here the key that elsewhere tells of finetuning says whether there is a rotation at all.
    const isRotated = reader.boolean('rope.scaling.finetuned') ?? true;
    return decoderOf(reader, {
      embedding: { scale: reader.optionalNumber('embedding_scale') || 1 },
      norm: 'rms',
      output: { scale: 1 / reader.number('logit_scale') },
      layer: (index) => ({
        residualScale: reader.optionalNumber('residual_scale') || 1,
        mixer: attentionOf(reader, index, {
          norms: { input: normOf(reader, 'rms', `blk.${index}.attn_norm`, width) },
          rope: isRotated ? ropeOf(reader, headShapeOf(reader, index).keyLength, { style: 'pairs' }) : undefined,
          scale: reader.optionalNumber('attention.scale') || undefined,
        }),
        feedForward: gatedOf(reader, index, { input: normOf(reader, 'rms', `blk.${index}.ffn_norm`, width) }, 'silu'),
      }),
    });
  },
};
