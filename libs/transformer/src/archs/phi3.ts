import type { Architecture } from '../architecture/architecture.js';
import { sequentialOf } from '../architecture/sequential.js';

/** Phi-3, 3.5 and 4: one matrix for queries, keys and values, one for gate and up; long contexts by LongRoPE. */
export const phi3: Architecture = {
  name: 'phi3',
  families: 'Phi-3, 3.5 and 4',
  read: (reader) => {
    reader.excuseKeys('the reference does not use the windows that some files name', 'attention.sliding_window');
    return sequentialOf(reader, { norm: 'rms', rope: 'halves', factors: 'byContext' });
  },
};
