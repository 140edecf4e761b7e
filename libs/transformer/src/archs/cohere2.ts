import type { Architecture } from '../architecture/architecture.js';
import { feedForwardOf, gatedOf } from '../architecture/feed-forward.js';
import { attentionOf, decoderOf, headShapeOf, normOf, windowedLayers } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';
import { sequentialOf } from '../architecture/sequential.js';

/** Every fourth layer sees everything, if the file says nothing else. */
const GLOBAL_PERIOD = 4;
const ONE_BASE = 'all layers rotate by one base';

/** Cohere 2 (Command R7B, Command A): as Command-R; windowed layers rotate, the others know no positions. */
export const cohere2: Architecture = {
  name: 'cohere2',
  families: 'Command R7B, Command A',
  read: (reader) => {
    const width = reader.count('embedding_length');
    reader.excuseKeys(ONE_BASE, 'rope.freq_base_swa');
    const isWindowed = windowedLayers(reader, GLOBAL_PERIOD);
    return decoderOf(reader, {
      norm: 'layer',
      output: { scale: reader.number('logit_scale') || 1 },
      layer: (index) => {
        const norms = { input: normOf(reader, 'layer', `blk.${index}.attn_norm`, width) };
        const local = isWindowed(index)
          ? {
              window: reader.count('attention.sliding_window'),
              rope: ropeOf(reader, headShapeOf(reader, index).keyLength, { style: 'pairs' }),
            }
          : {};
        return {
          parallel: true,
          mixer: attentionOf(reader, index, { norms, ...local }),
          feedForward: gatedOf(reader, index, norms, 'silu'),
        };
      },
    });
  },
};

/** The same with experts, averaged with a shared one where there is one; the first layers are dense, and rotate too. Norms are of squares where the file says so. */
export const cohere2moe: Architecture = {
  name: 'cohere2moe',
  families: 'Cohere 2 with experts',
  read: (reader) => {
    reader.excuseKeys(ONE_BASE, 'rope.freq_base_swa');
    const isWindowed = windowedLayers(reader, GLOBAL_PERIOD, true);
    const window = reader.count('attention.sliding_window');
    const denseCount = reader.optionalCount('leading_dense_block_count') ?? 0;
    return sequentialOf(reader, {
      norm: reader.optionalNumber('attention.layer_norm_rms_epsilon') ? 'rms' : 'layer',
      feedForwardNorm: 'attn_norm',
      parallel: true,
      output: { scale: reader.number('logit_scale') || 1 },
      attention: (index, { keyLength }) => ({
        rope: isWindowed(index) || index < denseCount ? ropeOf(reader, keyLength, { style: 'pairs' }) : undefined,
        window: isWindowed(index) ? window : undefined,
      }),
      feedForward: (index, norms) =>
        feedForwardOf(reader, index, norms, {
          gating: 'sigmoid',
          normalize: false,
          outputScale: reader.has(`blk.${index}.ffn_up_shexp.weight`) ? 0.5 : undefined,
        }),
    });
  },
};
