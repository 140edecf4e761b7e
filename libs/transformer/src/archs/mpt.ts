import type { Architecture } from '../architecture/architecture.js';
import { plainOf } from '../architecture/feed-forward.js';
import { clampOf, queryKeyNorms } from '../architecture/parts.js';
import { sequentialOf } from '../architecture/sequential.js';

/** MPT: positions by ALiBi (or learned vectors), queries, keys and values clamped, GELU, whose results files of AWQ divide. */
export const mpt: Architecture = {
  name: 'mpt',
  families: 'MPT',
  read: (reader) => {
    const width = reader.count('embedding_length');
    return sequentialOf(reader, {
      embedding: reader.has('position_embd.weight') ? { positions: reader.table('position_embd.weight', width) } : {},
      norm: 'layer',
      attention: (index, shape) => {
        const block = `blk.${index}`;
        if (!reader.has(`${block}.attn_q_norm.weight`))
          reader.excuseTensors(
            'keys are normalized only where queries are',
            `${block}.attn_k_norm.weight`,
            `${block}.attn_k_norm.bias`,
          );
        return {
          ...queryKeyNorms(reader, 'layer', index, shape),
          ...clampOf(reader),
          alibiMaxBias: reader.optionalNumber('attention.max_alibi_bias') || undefined,
        };
      },
      feedForward: (index, norms) => {
        const block = plainOf(reader, index, norms, 'gelu');
        return { ...block, innerDivisors: reader.optionalVector(`blk.${index}.ffn.act.scales`, block.down.columns) };
      },
    });
  },
};
