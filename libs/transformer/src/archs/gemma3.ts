import type { Architecture } from '../architecture/architecture.js';
import { attentionOf, decoderOf, gatedOf, headShapeOf, normOf, queryKeyNorms, windowedLayers } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';

/** Every sixth layer sees everything, if the file says nothing else. */
const GLOBAL_PERIOD = 6;
const LOCAL_ROPE_BASE = 10_000;
/** The largest size, known by its depth, scales scores by the width of a head's share instead of the head's own. */
const LARGEST_DEPTH = 62;

/** Gemma 3: norms around blocks and of heads; windowed layers rotate by a base of their own, unscaled. */
export const gemma3: Architecture = {
  name: 'gemma3',
  read: (reader) => {
    const width = reader.count('embedding_length');
    const window = reader.optionalNumber('attention.sliding_window') || undefined;
    const isWindowed = window === undefined ? () => false : windowedLayers(reader, GLOBAL_PERIOD);
    const norm = (index: number, name: string) => normOf(reader, 'rms', `blk.${index}.${name}`, width);
    return decoderOf(reader, {
      embedding: { scale: Math.fround(Math.sqrt(width)) },
      norm: 'rms',
      output: { softcap: reader.optionalNumber('final_logit_softcapping') || undefined },
      layer: (index) => {
        const shape = headShapeOf(reader, index);
        const local = { base: reader.optionalNumber('rope.freq_base_swa') ?? LOCAL_ROPE_BASE, scaling: { kind: 'none' } } as const;
        return {
          mixer: attentionOf(reader, index, {
            norms: { input: norm(index, 'attn_norm'), output: norm(index, 'post_attention_norm') },
            ...queryKeyNorms(reader, 'rms', index, shape),
            rope: ropeOf(reader, shape.keyLength, { style: 'halves', ...(isWindowed(index) ? local : {}) }),
            scale: 1 / Math.sqrt(reader.count('block_count') === LARGEST_DEPTH ? width / shape.heads : shape.keyLength),
            window: isWindowed(index) ? window : undefined,
          }),
          feedForward: gatedOf(reader, index, { input: norm(index, 'ffn_norm'), output: norm(index, 'post_ffw_norm') }, 'gelu'),
        };
      },
    });
  },
};
