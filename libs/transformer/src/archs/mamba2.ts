import type { Architecture } from '../architecture/architecture.js';
import { decoderOf, normOf } from '../architecture/parts.js';
import { stateSpaceOf } from '../architecture/recurrent-parts.js';

/** Mamba-2: layers of one block each, without attention and without a feed-forward block. */
export const mamba2: Architecture = {
  name: 'mamba2',
  families: 'Mamba 2, Codestral Mamba',
  read: (reader) => {
    const width = reader.count('embedding_length');
    return decoderOf(reader, {
      norm: 'rms',
      layer: (index) => ({
        mixer: stateSpaceOf(reader, index, { input: normOf(reader, 'rms', `blk.${index}.attn_norm`, width) }),
      }),
    });
  },
};
