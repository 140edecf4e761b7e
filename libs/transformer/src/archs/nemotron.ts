import type { Architecture } from '../architecture/architecture.js';
import { attentionOf, decoderOf, headShapeOf, normOf, plainOf } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';

/** Nemotron (and Minitron): norms with bias, squared ReLU without a gate, part of a head rotated. */
export const nemotron: Architecture = {
  name: 'nemotron',
  read: (reader) => {
    const width = reader.count('embedding_length');
    return decoderOf(reader, {
      norm: 'layer',
      layer: (index) => ({
        mixer: attentionOf(reader, index, {
          norms: { input: normOf(reader, 'layer', `blk.${index}.attn_norm`, width) },
          rope: ropeOf(reader, headShapeOf(reader, index).keyLength, { style: 'halves' }),
        }),
        feedForward: plainOf(reader, index, { input: normOf(reader, 'layer', `blk.${index}.ffn_norm`, width) }, 'relu2'),
      }),
    });
  },
};
