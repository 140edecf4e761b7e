import type { Architecture } from '../architecture/architecture.js';
import { feedForwardOf, withoutDenseBesideExperts } from '../architecture/feed-forward.js';
import { windowedLayers, withoutBiases } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';
import { sequentialOf } from '../architecture/sequential.js';

/** The base of the rotation in windowed layers where the file names none. */
const LOCAL_ROPE_BASE = 10_000;

/** MiMo V2: windowed layers with heads and a rotation of their own, sinks in some of them, keys longer than values, experts by the logistic function of their scores. */
export const mimo2: Architecture = {
  name: 'mimo2',
  families: 'MiMo V2',
  read: (reader) => {
    withoutDenseBesideExperts(reader);
    withoutBiases(reader, 'attn_q', 'attn_k', 'attn_v', 'attn_output');
    const isWindowed = windowedLayers(reader, 0);
    const window = reader.count('attention.sliding_window');
    const local = {
      base: reader.optionalNumber('rope.freq_base_swa') ?? LOCAL_ROPE_BASE,
      scaling: { kind: 'none' },
    } as const;
    return sequentialOf(reader, {
      norm: 'rms',
      attention: (index, { keyLength, heads }) => ({
        rope: ropeOf(reader, keyLength, { style: 'halves', ...(isWindowed(index) ? local : {}) }),
        window: isWindowed(index) ? window : undefined,
        sinks: reader.optionalVector(`blk.${index}.attn_sinks.weight`, heads),
        outputScale: reader.optionalNumber('attention.value_scale') || undefined,
      }),
      feedForward: (index, norms) => feedForwardOf(reader, index, norms, { gating: 'sigmoid' }),
    });
  },
};
