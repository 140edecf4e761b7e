import type { Architecture } from '../architecture/architecture.js';
import { feedForwardOf } from '../architecture/feed-forward.js';
import { kimiDeltaOf } from '../architecture/kimi-delta.js';
import { latentAttentionOf } from '../architecture/latent-attention.js';
import { decoderOf, normOf } from '../architecture/parts.js';
import { isWithoutKeys } from '../architecture/recurrent-parts.js';

/** Kimi Linear: delta nets, and latent attention without positions in some layers; the first layers dense, the others with experts. */
export const kimiLinear: Architecture = {
  name: 'kimi-linear',
  families: 'Kimi Linear',
  read: (reader) => {
    const width = reader.count('embedding_length');
    return decoderOf(reader, {
      norm: 'rms',
      layer: (index) => ({
        mixer: isWithoutKeys(reader, index)
          ? kimiDeltaOf(reader, index, { input: normOf(reader, 'rms', `blk.${index}.attn_norm`, width) })
          : latentAttentionOf(reader, index, { rope: 'none' }),
        feedForward: feedForwardOf(reader, index, { input: normOf(reader, 'rms', `blk.${index}.ffn_norm`, width) }),
      }),
    });
  },
};
