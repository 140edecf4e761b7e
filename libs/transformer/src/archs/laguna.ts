import type { Architecture } from '../architecture/architecture.js';
import { feedForwardOf } from '../architecture/feed-forward.js';
import { outputGateOf, queryKeyNorms, windowsOf } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';
import { sequentialOf } from '../architecture/sequential.js';

/** The first layer and every fourth after it see everything, if the file says nothing else. */
const GLOBAL_PERIOD = 4;

/** Laguna: a gate of softplus on the results of attention, for each head or each element; windowed layers rotate unscaled, by a base of their own. */
export const laguna: Architecture = {
  name: 'laguna',
  families: 'Laguna',
  read: (reader) => {
    const windowOf = windowsOf(reader, GLOBAL_PERIOD, true);
    return sequentialOf(reader, {
      norm: 'rms',
      attention: (index, shape) => {
        const window = windowOf(index);
        const local = {
          base: reader.optionalNumber('rope.freq_base_swa'),
          dimensions: reader.optionalCount('rope.dimension_count_swa'),
          scaling: { kind: 'none' },
          magnitude: 1,
        } as const;
        return {
          ...queryKeyNorms(reader, 'rms', index, shape),
          rope: ropeOf(reader, shape.keyLength, { style: 'halves', ...(window === undefined ? {} : local) }),
          window,
          gate: outputGateOf(reader, index, shape, 'softplus'),
        };
      },
      feedForward: (index, norms) => feedForwardOf(reader, index, norms, { gating: 'sigmoid', normalize: false }),
    });
  },
};
