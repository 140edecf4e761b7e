import type { Architecture } from '../architecture/architecture.js';
import { gatedOf } from '../architecture/feed-forward.js';
import { attentionOf, decoderOf, headShapeOf, normOf, windowedLayers } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';

const DEFAULT_WINDOW = 4096;
/** Every second layer sees everything. */
const GLOBAL_PERIOD = 2;
/** The largest size, known by its depth, scales scores by the width of a head's share instead of the head's own. */
const LARGEST_DEPTH = 46;

/** Gemma 2: norms around blocks, every other layer windowed, scores and logits capped. */
export const gemma2: Architecture = {
  name: 'gemma2',
  families: 'Gemma 2',
  read: (reader) => {
    const width = reader.count('embedding_length');
    const isWindowed = windowedLayers(reader, GLOBAL_PERIOD);
    const window = reader.optionalCount('attention.sliding_window') ?? DEFAULT_WINDOW;
    const norm = (index: number, name: string) => normOf(reader, 'rms', `blk.${index}.${name}`, width);
    return decoderOf(reader, {
      embedding: { scale: Math.fround(Math.sqrt(width)) },
      norm: 'rms',
      output: { softcap: reader.optionalNumber('final_logit_softcapping') || undefined },
      layer: (index) => {
        const { heads, keyLength } = headShapeOf(reader, index);
        return {
          mixer: attentionOf(reader, index, {
            norms: { input: norm(index, 'attn_norm'), output: norm(index, 'post_attention_norm') },
            rope: ropeOf(reader, keyLength, {
              style: 'halves',
              base: isWindowed(index) ? reader.optionalNumber('rope.freq_base_swa') : undefined,
            }),
            scale:
              reader.optionalNumber('attention.scale') ||
              1 / Math.sqrt(reader.count('block_count') === LARGEST_DEPTH ? width / heads : keyLength),
            window: isWindowed(index) ? window : undefined,
            softcap: reader.optionalNumber('attn_logit_softcapping') || undefined,
          }),
          feedForward: gatedOf(
            reader,
            index,
            { input: norm(index, 'ffn_norm'), output: norm(index, 'post_ffw_norm') },
            'gelu',
          ),
        };
      },
    });
  },
};
