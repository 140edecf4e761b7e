import type { Architecture } from '../architecture/architecture.js';
import { attentionOf, decoderOf, gatedOf, headShapeOf, normOf } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';

/** MiniCPM: Llama's blocks with embeddings, residual branches and logits scaled; older files leave the scales to these defaults. */
export const minicpm: Architecture = {
  name: 'minicpm',
  read: (reader) => {
    const width = reader.count('embedding_length');
    const residualScale = reader.optionalNumber('residual_scale') ?? 1.4 / Math.sqrt(reader.count('block_count'));
    return decoderOf(reader, {
      embedding: { scale: reader.optionalNumber('embedding_scale') ?? 12 },
      norm: 'rms',
      output: { scale: 1 / (reader.optionalNumber('logit_scale') ?? 256 / width) },
      layer: (index) => ({
        residualScale,
        mixer: attentionOf(reader, index, {
          norms: { input: normOf(reader, 'rms', `blk.${index}.attn_norm`, width) },
          rope: ropeOf(reader, headShapeOf(reader, index).keyLength, { style: 'pairs' }),
        }),
        feedForward: gatedOf(reader, index, { input: normOf(reader, 'rms', `blk.${index}.ffn_norm`, width) }, 'silu'),
      }),
    });
  },
};
