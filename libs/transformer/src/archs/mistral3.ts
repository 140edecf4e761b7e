import type { Architecture } from '../architecture/architecture.js';
import { attentionOf, decoderOf, gatedOf, headShapeOf, normOf } from '../architecture/parts.js';
import { originalContextOf, ropeOf } from '../architecture/rope.js';

/** Mistral 3 (Ministral 3): Llama's blocks; queries grow with the logarithm of the position beyond the original context. */
export const mistral3: Architecture = {
  name: 'mistral3',
  read: (reader) => {
    const width = reader.count('embedding_length');
    const scale = reader.optionalNumber('attention.temperature_scale') || undefined;
    return decoderOf(reader, {
      norm: 'rms',
      layer: (index) => ({
        mixer: attentionOf(reader, index, {
          norms: { input: normOf(reader, 'rms', `blk.${index}.attn_norm`, width) },
          rope: ropeOf(reader, headShapeOf(reader, index).keyLength, { style: 'pairs' }),
          scale: reader.optionalNumber('attention.scale') || undefined,
          temperature: scale === undefined ? undefined : { scale, offset: 0, interval: originalContextOf(reader) },
        }),
        feedForward: gatedOf(reader, index, { input: normOf(reader, 'rms', `blk.${index}.ffn_norm`, width) }, 'silu'),
      }),
    });
  },
};
