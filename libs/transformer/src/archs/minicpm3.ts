import type { Architecture } from '../architecture/architecture.js';
import { gatedOf } from '../architecture/feed-forward.js';
import { latentAttentionOf } from '../architecture/latent-attention.js';
import { decoderOf, normOf } from '../architecture/parts.js';

/** The scales of MiniCPM, which files of this architecture do not name. */
const EMBEDDING_SCALE = 12;
const DEPTH_SCALE = 1.4;
const BASE_WIDTH = 256;

/** MiniCPM 3: latent attention, LongRoPE, embeddings, residual branches and logits scaled. */
export const minicpm3: Architecture = {
  name: 'minicpm3',
  families: 'MiniCPM 3',
  read: (reader) => {
    const width = reader.count('embedding_length');
    return decoderOf(reader, {
      embedding: { scale: EMBEDDING_SCALE },
      norm: 'rms',
      output: { scale: BASE_WIDTH / width },
      layer: (index) => ({
        residualScale: DEPTH_SCALE / Math.sqrt(reader.count('block_count')),
        mixer: latentAttentionOf(reader, index, { rope: 'halves', factors: 'byContext' }),
        feedForward: gatedOf(reader, index, { input: normOf(reader, 'rms', `blk.${index}.ffn_norm`, width) }, 'silu'),
      }),
    });
  },
};
