import type { Architecture } from '../architecture/architecture.js';
import { attentionOf, decoderOf, headShapeOf, normOf, plainOf } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';

/** GPT-NeoX and Pythia: a norm for each block, both blocks side by side where the file says so, GELU. */
export const gptneox: Architecture = {
  name: 'gptneox',
  read: (reader) => {
    const width = reader.count('embedding_length');
    return decoderOf(reader, {
      norm: 'layer',
      layer: (index) => ({
        parallel: reader.boolean('use_parallel_residual') ?? true,
        mixer: attentionOf(reader, index, {
          norms: { input: normOf(reader, 'layer', `blk.${index}.attn_norm`, width) },
          rope: ropeOf(reader, headShapeOf(reader, index).keyLength, { style: 'halves' }),
        }),
        feedForward: plainOf(reader, index, { input: normOf(reader, 'layer', `blk.${index}.ffn_norm`, width) }, 'gelu'),
      }),
    });
  },
};
