import type { Architecture } from '../architecture/architecture.js';
import { attentionOf, decoderOf, gatedOf, headShapeOf, normOf } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';

/** Every fourth layer knows no positions. */
const UNROTATED_PERIOD = 4;

/** SmolLM 3: Llama's blocks, some of them without rotation. */
export const smollm3: Architecture = {
  name: 'smollm3',
  read: (reader) => {
    const width = reader.count('embedding_length');
    return decoderOf(reader, {
      norm: 'rms',
      layer: (index) => ({
        mixer: attentionOf(reader, index, {
          norms: { input: normOf(reader, 'rms', `blk.${index}.attn_norm`, width) },
          rope: (index + 1) % UNROTATED_PERIOD === 0 ? undefined : ropeOf(reader, headShapeOf(reader, index).keyLength, { style: 'pairs' }),
          scale: reader.optionalNumber('attention.scale') || undefined,
        }),
        feedForward: gatedOf(reader, index, { input: normOf(reader, 'rms', `blk.${index}.ffn_norm`, width) }, 'silu'),
      }),
    });
  },
};
