import type { Architecture } from '../architecture/architecture.js';
import { attentionOf, decoderOf, gatedOf, headShapeOf, normOf, queryKeyNorms } from '../architecture/parts.js';
import { isWithoutKeys, shortConvOf } from '../architecture/recurrent-parts.js';
import { ropeOf } from '../architecture/rope.js';

/** LFM2: short gated convolutions, and attention with norms of heads in some layers. Files call the final norm that of the embedding. */
export const lfm2: Architecture = {
  name: 'lfm2',
  read: (reader) => {
    const width = reader.count('embedding_length');
    const window = reader.optionalNumber('attention.sliding_window') || undefined;
    const finalNorm = reader.has('output_norm.weight') ? 'output_norm' : 'token_embd_norm';
    return decoderOf(reader, {
      norm: 'rms',
      output: { norm: normOf(reader, 'rms', finalNorm, width) },
      layer: (index) => {
        const norms = { input: normOf(reader, 'rms', `blk.${index}.attn_norm`, width) };
        const feedForward = gatedOf(reader, index, { input: normOf(reader, 'rms', `blk.${index}.ffn_norm`, width) }, 'silu');
        if (isWithoutKeys(reader, index)) return { mixer: shortConvOf(reader, index, norms), feedForward };
        const shape = headShapeOf(reader, index);
        return { mixer: attentionOf(reader, index, { norms, ...queryKeyNorms(reader, 'rms', index, shape), rope: ropeOf(reader, shape.keyLength, { style: 'halves' }), window }), feedForward };
      },
    });
  },
};
