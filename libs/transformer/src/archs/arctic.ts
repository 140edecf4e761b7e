import type { Architecture } from '../architecture/architecture.js';
import { expertsOf } from '../architecture/experts.js';
import { gatedOf } from '../architecture/feed-forward.js';
import { normOf } from '../architecture/parts.js';
import { sequentialOf } from '../architecture/sequential.js';

/** Arctic: Llama with a dense block as long as the model is wide, and experts beside both blocks, on a norm of their own. */
export const arctic: Architecture = {
  name: 'arctic',
  families: 'Snowflake Arctic',
  read: (reader) => {
    const width = reader.count('embedding_length');
    return sequentialOf(reader, {
      norm: 'rms',
      rope: 'pairs',
      feedForward: (index, norms) => gatedOf(reader, index, norms, 'silu', width),
      beside: (index) =>
        expertsOf(reader, index, { norms: { input: normOf(reader, 'rms', `blk.${index}.ffn_norm_exps`, width) } }),
    });
  },
};
