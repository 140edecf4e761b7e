import type { Architecture } from '../architecture/architecture.js';
import { sequentialOf } from '../architecture/sequential.js';

/** MiniCPM: Llama's blocks with embeddings, residual branches and logits scaled; older files leave the scales to these defaults. */
export const minicpm: Architecture = {
  name: 'minicpm',
  families: 'MiniCPM 1 and 2',
  read: (reader) =>
    sequentialOf(reader, {
      embedding: { scale: reader.optionalNumber('embedding_scale') ?? 12 },
      norm: 'rms',
      rope: 'pairs',
      factors: 'byScaling',
      output: { scale: 1 / (reader.optionalNumber('logit_scale') ?? 256 / reader.count('embedding_length')) },
      residualScale: reader.optionalNumber('residual_scale') ?? 1.4 / Math.sqrt(reader.count('block_count')),
    }),
};
