import type { Architecture } from '../architecture/architecture.js';
import { expertsOf } from '../architecture/experts.js';
import { attentionOf, decoderOf, headShapeOf, normOf, windowedLayers } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';

/** Every second layer, from the first on, sees a window only. */
const WINDOW_PERIOD = 2;

/** gpt-oss: a sink in each head's softmax, experts with biases and a clamped gate, chosen before the softmax of their scores. */
export const gptOss: Architecture = {
  name: 'gpt-oss',
  families: 'gpt-oss',
  read: (reader) => {
    const width = reader.count('embedding_length');
    const isWindowed = windowedLayers(reader, WINDOW_PERIOD);
    const baseOfWindowed = reader.optionalNumber('rope.freq_base_swa');
    return decoderOf(reader, {
      norm: 'rms',
      layer: (index) => {
        const shape = headShapeOf(reader, index);
        return {
          mixer: attentionOf(reader, index, {
            norms: { input: normOf(reader, 'rms', `blk.${index}.attn_norm`, width) },
            rope: ropeOf(reader, shape.keyLength, {
              style: 'halves',
              base: isWindowed(index) ? baseOfWindowed : undefined,
            }),
            window: isWindowed(index) ? reader.count('attention.sliding_window') : undefined,
            sinks: reader.vector(`blk.${index}.attn_sinks.weight`, shape.heads),
          }),
          feedForward: expertsOf(reader, index, {
            norms: { input: normOf(reader, 'rms', `blk.${index}.post_attention_norm`, width) },
            gating: 'softmaxOfUsed',
            normalize: false,
            activation: { kind: 'clampedSwiglu', alpha: 1.702, limit: 7, shift: 1 },
            precise: true,
          }),
        };
      },
    });
  },
};
