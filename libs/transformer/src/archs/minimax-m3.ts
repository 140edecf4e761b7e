import type { Architecture } from '../architecture/architecture.js';
import { feedForwardOf } from '../architecture/feed-forward.js';
import { INDEXED, withoutIndexer } from '../architecture/indexer.js';
import { queryKeyNorms } from '../architecture/parts.js';
import { sequentialOf } from '../architecture/sequential.js';

/** An indexer chooses so many blocks of so many positions. */
const CHOSEN = [INDEXED, 'attention.indexer.block_size'];

/** MiniMax M3: norms of heads, clamped gates, dense layers first, then experts beside a shared one; an indexer chooses blocks of positions. */
export const minimaxM3: Architecture = {
  name: 'minimax-m3',
  families: 'MiniMax M3',
  contextLimitKeys: CHOSEN,
  read: (reader) => {
    withoutIndexer(reader, CHOSEN);
    return sequentialOf(reader, {
      norm: 'rms',
      rope: 'halves',
      attention: (index, shape) => queryKeyNorms(reader, 'rms', index, shape),
      feedForward: (index, norms) =>
        feedForwardOf(reader, index, norms, {
          gating: 'sigmoid',
          normalize: false,
          activation: { kind: 'clampedSwiglu', alpha: 1.702, limit: 7, shift: 1 },
        }),
    });
  },
};
