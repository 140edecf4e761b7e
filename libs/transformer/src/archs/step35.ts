import type { Architecture } from '../architecture/architecture.js';
import { feedForwardOf, limitsOf, withoutDenseBesideExperts } from '../architecture/feed-forward.js';
import { outputGateOf, queryKeyNorms, windowsOf } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';
import { sequentialOf } from '../architecture/sequential.js';

/** The base of the rotation in windowed layers where the file names none. */
const LOCAL_ROPE_BASE = 10_000;

/**
 * Step 3.5: norms of heads, a gate for each head, experts by the logistic function of their scores; windowed layers rotate whole heads, unscaled,
 * the others half of them.
 */
export const step35: Architecture = {
  name: 'step35',
  families: 'Step 3.5',
  read: (reader) => {
    withoutDenseBesideExperts(reader);
    const windowOf = windowsOf(reader);
    return sequentialOf(reader, {
      norm: 'rms',
      attention: (index, shape) => {
        const window = windowOf(index);
        const whole = reader.optionalCount('rope.dimension_count') ?? shape.keyLength;
        const wholeLocal = reader.optionalCount('rope.dimension_count_swa') ?? whole;
        const local = {
          dimensions: wholeLocal,
          base: reader.optionalNumber('rope.freq_base_swa') ?? LOCAL_ROPE_BASE,
          scaling: { kind: 'none' },
        } as const;
        const global = {
          dimensions: whole / 2,
          factors: 'byScaling',
          factoredDimensions: Math.max(whole / 2, wholeLocal),
        } as const;
        return {
          ...queryKeyNorms(reader, 'rms', index, shape),
          rope: ropeOf(reader, shape.keyLength, { style: 'halves', ...(window === undefined ? global : local) }),
          window,
          gate: reader.has(`blk.${index}.attn_gate.weight`) ? outputGateOf(reader, index, shape) : undefined,
        };
      },
      feedForward: (index, norms) =>
        feedForwardOf(reader, index, norms, { gating: 'sigmoid', normalize: false, ...limitsOf(reader, index) }),
    });
  },
};
