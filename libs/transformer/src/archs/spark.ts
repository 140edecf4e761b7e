import type { Architecture } from '../architecture/architecture.js';
import { gatedOf } from '../architecture/feed-forward.js';
import { outputGateOf, windowsOf } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';
import { sequentialOf } from '../architecture/sequential.js';

/** Spark 2.5: a gate for each head of attention, windowed layers with a base of their own for the rotation, a gate with GELU. */
export const spark: Architecture = {
  name: 'spark2_5',
  families: 'Spark 2.5',
  read: (reader) => {
    const windowOf = windowsOf(reader);
    const baseOfWindowed = reader.optionalNumber('rope.freq_base_swa');
    return sequentialOf(reader, {
      norm: 'rms',
      attention: (index, shape) => {
        const window = windowOf(index);
        const base = window === undefined ? undefined : baseOfWindowed;
        return {
          gate: outputGateOf(reader, index, shape),
          window,
          rope: ropeOf(reader, shape.keyLength, { style: 'halves', base }),
        };
      },
      feedForward: (index, norms) => gatedOf(reader, index, norms, 'gelu'),
    });
  },
};
