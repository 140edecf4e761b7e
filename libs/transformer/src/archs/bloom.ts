import type { Architecture } from '../architecture/architecture.js';
import { plainOf } from '../architecture/feed-forward.js';
import { normOf } from '../architecture/parts.js';
import { sequentialOf } from '../architecture/sequential.js';

/** The largest exponent of ALiBi's slopes in Bloom; its files do not name it. */
const ALIBI_MAX_BIAS = 8;

/** Bloom: positions by ALiBi, a norm on the embeddings, biases everywhere, GELU. */
export const bloom: Architecture = {
  name: 'bloom',
  families: 'BLOOM, BLOOMZ',
  read: (reader) => {
    reader.excuseKeys('it is the same in all files', 'attention.max_alibi_bias');
    return sequentialOf(reader, {
      embedding: { norm: normOf(reader, 'layer', 'token_embd_norm', reader.count('embedding_length')) },
      norm: 'layer',
      attention: () => ({ alibiMaxBias: ALIBI_MAX_BIAS }),
      feedForward: (index, norms) => plainOf(reader, index, norms, 'gelu'),
    });
  },
};
