import type { Architecture } from '../architecture/architecture.js';
import { feedForwardOf } from '../architecture/feed-forward.js';
import { outputGateOf, queryKeyNorms, windowsOf } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';
import { sequentialOf } from '../architecture/sequential.js';

/** Every fourth layer sees everything, if the file says nothing else, and knows no positions, whatever it says. */
const GLOBAL_PERIOD = 4;

/** Trinity (AFMoE): a gate on the results of attention, norms around blocks and of heads, experts by the logistic function of their scores. */
export const afmoe: Architecture = {
  name: 'afmoe',
  families: 'Arcee Trinity',
  read: (reader) => {
    const windowOf = windowsOf(reader, GLOBAL_PERIOD);
    return sequentialOf(reader, {
      embedding: { scale: Math.fround(Math.sqrt(reader.count('embedding_length'))) },
      norm: 'rms',
      outputNorms: { attention: 'post_attention_norm', feedForward: 'post_ffw_norm' },
      attention: (index, shape) => {
        const window = windowOf(index);
        const base = window === undefined ? undefined : reader.optionalNumber('rope.freq_base_swa');
        return {
          ...queryKeyNorms(reader, 'rms', index, shape),
          rope:
            (index + 1) % GLOBAL_PERIOD === 0 ? undefined : ropeOf(reader, shape.keyLength, { style: 'halves', base }),
          window,
          gate: outputGateOf(reader, index, shape),
        };
      },
      feedForward: (index, norms) => feedForwardOf(reader, index, norms, { gating: 'sigmoid', normalize: false }),
    });
  },
};
