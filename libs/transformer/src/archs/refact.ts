import type { Architecture } from '../architecture/architecture.js';
import { activationOnly, gatedOf } from '../architecture/feed-forward.js';
import { withoutBiases } from '../architecture/parts.js';
import { withoutFactors } from '../architecture/rope.js';
import { sequentialOf } from '../architecture/sequential.js';

/** The largest exponent of ALiBi's slopes in Refact; its files do not name it. */
const ALIBI_MAX_BIAS = 8;

/** Refact: Llama's blocks with ALiBi in place of a rotation. Of a feed-forward block with experts, which no known model has, the reference runs the activation alone. */
export const refact: Architecture = {
  name: 'refact',
  families: 'Refact',
  read: (reader) => {
    reader.excuseKeys('it is the same in all files', 'attention.max_alibi_bias');
    withoutFactors(reader, 'byScaling');
    withoutBiases(reader, 'attn_output', 'ffn_gate', 'ffn_up', 'ffn_down');
    return sequentialOf(reader, {
      norm: 'rms',
      attention: () => ({ alibiMaxBias: ALIBI_MAX_BIAS }),
      feedForward: (index, norms) =>
        reader.has(`blk.${index}.ffn_gate_inp.weight`)
          ? activationOnly(reader, index, norms)
          : gatedOf(reader, index, norms, 'silu'),
    });
  },
};
