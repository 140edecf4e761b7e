import type { Architecture } from '../architecture/architecture.js';
import { attentionOf, decoderOf, gatedOf, headShapeOf, normOf, windowedLayers } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';

/** Every fourth layer sees everything, if the file says nothing else. */
const GLOBAL_PERIOD = 4;

/** Cohere 2 (Command R7B, Command A): as Command-R; windowed layers rotate, the others know no positions. */
export const cohere2: Architecture = {
  name: 'cohere2',
  read: (reader) => {
    const width = reader.count('embedding_length');
    const isWindowed = windowedLayers(reader, GLOBAL_PERIOD);
    const base = reader.optionalNumber('rope.freq_base_swa');
    return decoderOf(reader, {
      norm: 'layer',
      output: { scale: reader.number('logit_scale') || 1 },
      layer: (index) => {
        const norms = { input: normOf(reader, 'layer', `blk.${index}.attn_norm`, width) };
        const local = isWindowed(index)
          ? { window: reader.count('attention.sliding_window'), rope: ropeOf(reader, headShapeOf(reader, index).keyLength, { style: 'pairs', base }) }
          : {};
        return { parallel: true, mixer: attentionOf(reader, index, { norms, ...local }), feedForward: gatedOf(reader, index, norms, 'silu') };
      },
    });
  },
};
