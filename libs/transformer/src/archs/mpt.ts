import type { Architecture } from '../architecture/architecture.js';
import { attentionOf, decoderOf, headShapeOf, normOf, plainOf, queryKeyNorms } from '../architecture/parts.js';

/** MPT: positions by ALiBi (or learned vectors), queries, keys and values clamped, GELU. */
export const mpt: Architecture = {
  name: 'mpt',
  read: (reader) => {
    const width = reader.count('embedding_length');
    if (reader.has('blk.0.ffn_act.scales')) throw reader.invalid("has the tensor 'blk.0.ffn_act.scales' of AWQ, which is not supported");
    return decoderOf(reader, {
      embedding: reader.has('position_embd.weight') ? { positions: reader.table('position_embd.weight', width) } : {},
      norm: 'layer',
      layer: (index) => ({
        mixer: attentionOf(reader, index, {
          norms: { input: normOf(reader, 'layer', `blk.${index}.attn_norm`, width) },
          ...queryKeyNorms(reader, 'layer', index, headShapeOf(reader, index)),
          alibiMaxBias: reader.optionalNumber('attention.max_alibi_bias') || undefined,
          clamp: reader.optionalNumber('attention.clamp_kqv') || undefined,
        }),
        feedForward: plainOf(reader, index, { input: normOf(reader, 'layer', `blk.${index}.ffn_norm`, width) }, 'gelu'),
      }),
    });
  },
};
