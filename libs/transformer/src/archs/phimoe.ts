import type { Architecture } from '../architecture/architecture.js';
import { sequentialOf } from '../architecture/sequential.js';

/** Phi-3.5 MoE: norms of squares with a bias, biases on projections and logits, LongRoPE. */
export const phimoe: Architecture = {
  name: 'phimoe',
  families: 'Phi-3.5 MoE',
  read: (reader) => {
    reader.excuseKeys('the reference does not use the windows that some files name', 'attention.sliding_window');
    return sequentialOf(reader, { norm: 'rms', rope: 'halves', factors: 'byContext' });
  },
};
