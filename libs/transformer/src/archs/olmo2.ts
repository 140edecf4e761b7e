import type { Architecture } from '../architecture/architecture.js';
import { gatedOf } from '../architecture/feed-forward.js';
import { attentionOf, decoderOf, headShapeOf, normOf, queryKeyNorms, windowedLayers } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';

/** Every fourth layer sees everything, if the file says nothing else. */
const GLOBAL_PERIOD = 4;

/** OLMo 2 and 3: norms on the outputs of blocks and over whole rows of queries and keys; windowed layers rotate unscaled. */
export const olmo2: Architecture = {
  name: 'olmo2',
  families: 'OLMo 2 and 3',
  read: (reader) => {
    const width = reader.count('embedding_length');
    const window = reader.optionalNumber('attention.sliding_window') || undefined;
    const isWindowed = window === undefined ? () => false : windowedLayers(reader, GLOBAL_PERIOD);
    const norm = (index: number, name: string) => normOf(reader, 'rms', `blk.${index}.${name}`, width);
    return decoderOf(reader, {
      norm: 'rms',
      layer: (index) => {
        const shape = headShapeOf(reader, index);
        const local = { scaling: { kind: 'none' }, magnitude: 1 } as const;
        return {
          mixer: attentionOf(reader, index, {
            norms: { output: norm(index, 'post_attention_norm') },
            ...queryKeyNorms(reader, 'rms', index, shape),
            rope: ropeOf(reader, shape.keyLength, { style: 'halves', ...(isWindowed(index) ? local : {}) }),
            window: isWindowed(index) ? window : undefined,
          }),
          feedForward: gatedOf(reader, index, { output: norm(index, 'post_ffw_norm') }, 'silu'),
        };
      },
    });
  },
};
