import type { Architecture } from '../architecture/architecture.js';
import { feedForwardOf } from '../architecture/feed-forward.js';
import { attentionOf, decoderOf, normOf } from '../architecture/parts.js';
import { isWithoutKeys } from '../architecture/recurrent-parts.js';
import { selectiveSpaceOf } from '../architecture/selective-space.js';

/** Mamba: layers of one block each, without attention and without a feed-forward block. */
export const mamba: Architecture = {
  name: 'mamba',
  families: 'Mamba, Falcon Mamba',
  read: (reader) => {
    const width = reader.count('embedding_length');
    return decoderOf(reader, {
      norm: 'rms',
      layer: (index) => ({
        mixer: selectiveSpaceOf(reader, index, { input: normOf(reader, 'rms', `blk.${index}.attn_norm`, width) }),
      }),
    });
  },
};

/** Jamba: Mamba, and attention without positions in some layers; feed-forward blocks, or experts in some. */
export const jamba: Architecture = {
  name: 'jamba',
  families: 'Jamba',
  read: (reader) => {
    const width = reader.count('embedding_length');
    return decoderOf(reader, {
      norm: 'rms',
      layer: (index) => {
        const norms = { input: normOf(reader, 'rms', `blk.${index}.attn_norm`, width) };
        return {
          mixer: isWithoutKeys(reader, index)
            ? selectiveSpaceOf(reader, index, norms)
            : attentionOf(reader, index, { norms }),
          feedForward: feedForwardOf(
            reader,
            index,
            { input: normOf(reader, 'rms', `blk.${index}.ffn_norm`, width) },
            { normalize: false },
          ),
        };
      },
    });
  },
};
