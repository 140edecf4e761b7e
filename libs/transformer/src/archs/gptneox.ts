import type { Architecture } from '../architecture/architecture.js';
import { plainOf } from '../architecture/feed-forward.js';
import { sequentialOf } from '../architecture/sequential.js';

/** GPT-NeoX and Pythia: a norm for each block, both blocks side by side where the file says so, GELU. */
export const gptneox: Architecture = {
  name: 'gptneox',
  families: 'GPT-NeoX, Pythia, Dolly, RedPajama',
  read: (reader) =>
    sequentialOf(reader, {
      norm: 'layer',
      rope: 'halves',
      parallel: reader.boolean('use_parallel_residual') ?? true,
      feedForward: (index, norms) => plainOf(reader, index, norms, 'gelu'),
    }),
};
