import type { Architecture } from '../architecture/architecture.js';
import { queryKeyNorms, windowsOf } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';
import { sequentialOf } from '../architecture/sequential.js';

/** Every eighth layer of PLaMo 3 sees everything, if the file says nothing else. */
const GLOBAL_PERIOD = 8;
const LOCAL_ROPE_BASE = 10_000;

/** PLaMo: attention and feed-forward side by side on one norm. */
export const plamo: Architecture = {
  name: 'plamo',
  families: 'PLaMo',
  read: (reader) => sequentialOf(reader, { norm: 'rms', rope: 'halves', parallel: true, feedForwardNorm: 'attn_norm' }),
};

/** PLaMo 3: norms around blocks and of heads; windowed layers rotate by a base of their own, unscaled. */
export const plamo3: Architecture = {
  name: 'plamo3',
  families: 'PLaMo 3',
  read: (reader) => {
    const windowOf = windowsOf(reader, GLOBAL_PERIOD);
    const local = {
      base: reader.optionalNumber('rope.freq_base_swa') ?? LOCAL_ROPE_BASE,
      scaling: { kind: 'none' },
    } as const;
    return sequentialOf(reader, {
      norm: 'rms',
      outputNorms: { attention: 'post_attention_norm', feedForward: 'post_ffw_norm' },
      attention: (index, shape) => {
        const window = windowOf(index);
        return {
          ...queryKeyNorms(reader, 'rms', index, shape),
          window,
          rope: ropeOf(reader, shape.keyLength, { style: 'halves', ...(window === undefined ? {} : local) }),
        };
      },
    });
  },
};
