import type { Architecture } from '../architecture/architecture.js';
import { attentionOf, decoderOf, gatedOf, headShapeOf, normOf } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';

/** GLM-4: norms before and after each block, gate and up in one matrix, part of a head rotated. */
export const glm4: Architecture = {
  name: 'glm4',
  read: (reader) => {
    const width = reader.count('embedding_length');
    // Files for images name sections of the rotation; for text all of them turn by the same position, as halves.
    const style = reader.metadata('glm4.rope.dimension_sections') !== undefined ? 'halves' : 'pairs';
    const norms = (index: number, input: string, output: string) => ({
      input: normOf(reader, 'rms', `blk.${index}.${input}`, width),
      output: normOf(reader, 'rms', `blk.${index}.${output}`, width),
    });
    return decoderOf(reader, {
      norm: 'rms',
      layer: (index) => ({
        mixer: attentionOf(reader, index, { norms: norms(index, 'attn_norm', 'post_attention_norm'), rope: ropeOf(reader, headShapeOf(reader, index).keyLength, { style }) }),
        feedForward: gatedOf(reader, index, norms(index, 'ffn_norm', 'post_ffw_norm'), 'silu'),
      }),
    });
  },
};
