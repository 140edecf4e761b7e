import type { Architecture } from '../architecture/architecture.js';
import { gatedOf } from '../architecture/feed-forward.js';
import { normOf } from '../architecture/parts.js';
import { sequentialOf } from '../architecture/sequential.js';

/** BitNet b1.58: Llama's blocks with norms before the last matrix of each. */
export const bitnet: Architecture = {
  name: 'bitnet',
  families: 'BitNet b1.58',
  read: (reader) =>
    sequentialOf(reader, {
      norm: 'rms',
      rope: 'halves',
      attention: (index, { heads, valueLength }) => ({
        resultNorm: normOf(reader, 'rms', `blk.${index}.attn_sub_norm`, heads * valueLength),
      }),
      feedForward: (index, norms) => {
        const block = gatedOf(reader, index, norms, 'silu');
        return { ...block, innerNorm: normOf(reader, 'rms', `blk.${index}.ffn_sub_norm`, block.down.columns) };
      },
    }),
};
