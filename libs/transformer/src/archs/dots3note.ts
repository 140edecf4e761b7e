import type { Architecture } from '../architecture/architecture.js';
import { feedForwardOf } from '../architecture/feed-forward.js';
import { INDEXED, withoutIndexer } from '../architecture/indexer.js';
import { latentAttentionOf } from '../architecture/latent-attention.js';
import { decoderOf, normOf, windowsOf } from '../architecture/parts.js';

/** dots.note 3: latent attention with a gate for each head, in windowed layers with lengths of its own; an indexer in the others. */
export const dots3note: Architecture = {
  name: 'dots3note',
  families: 'dots.note 3',
  contextLimitKeys: [INDEXED],
  read: (reader) => {
    withoutIndexer(reader);
    const windowOf = windowsOf(reader);
    return decoderOf(reader, {
      norm: 'rms',
      layer: (index) => ({
        mixer: latentAttentionOf(reader, index, { isGated: true, hasSharedNorm: true, window: windowOf(index) }),
        feedForward: feedForwardOf(
          reader,
          index,
          { input: normOf(reader, 'rms', `blk.${index}.ffn_norm`, reader.count('embedding_length')) },
          { gating: 'sigmoid', normalize: false },
        ),
      }),
    });
  },
};
