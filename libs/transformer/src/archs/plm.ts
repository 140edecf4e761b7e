import type { Architecture } from '../architecture/architecture.js';
import { plainOf } from '../architecture/feed-forward.js';
import { latentAttentionOf } from '../architecture/latent-attention.js';
import { decoderOf, normOf } from '../architecture/parts.js';

/** PLM: latent attention, and the square of relu in place of a gate. */
export const plm: Architecture = {
  name: 'plm',
  families: 'PLM',
  read: (reader) =>
    decoderOf(reader, {
      norm: 'rms',
      layer: (index) => ({
        mixer: latentAttentionOf(reader, index),
        feedForward: plainOf(
          reader,
          index,
          { input: normOf(reader, 'rms', `blk.${index}.ffn_norm`, reader.count('embedding_length')) },
          'relu2',
        ),
      }),
    }),
};
