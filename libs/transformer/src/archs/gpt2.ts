import type { Architecture } from '../architecture/architecture.js';
import { attentionOf, decoderOf, normOf, plainOf } from '../architecture/parts.js';

/** GPT-2: learned positions, norms and projections with biases, GELU without a gate. */
export const gpt2: Architecture = {
  name: 'gpt2',
  read: (reader) => {
    const width = reader.count('embedding_length');
    return decoderOf(reader, {
      embedding: { positions: reader.table('position_embd.weight', width) },
      norm: 'layer',
      layer: (index) => ({
        mixer: attentionOf(reader, index, { norms: { input: normOf(reader, 'layer', `blk.${index}.attn_norm`, width) } }),
        feedForward: plainOf(reader, index, { input: normOf(reader, 'layer', `blk.${index}.ffn_norm`, width) }, 'gelu'),
      }),
    });
  },
};
