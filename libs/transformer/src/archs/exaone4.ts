import type { Architecture } from '../architecture/architecture.js';
import { gatedOf } from '../architecture/feed-forward.js';
import { attentionOf, decoderOf, headShapeOf, normOf, queryKeyNorms, windowedLayers } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';

/** The one size with windowed layers (32B) is known by its depth; files of other sizes may name a window that is not used. */
const WINDOWED_DEPTH = 64;
const DEFAULT_WINDOW = 4096;
const GLOBAL_PERIOD = 4;

/** EXAONE 4: norms on the outputs of blocks, of queries and keys; in the windowed size global layers know no positions. */
export const exaone4: Architecture = {
  name: 'exaone4',
  families: 'EXAONE 4',
  read: (reader) => {
    const width = reader.count('embedding_length');
    const hasWindows = reader.count('block_count') === WINDOWED_DEPTH;
    const isWindowed = hasWindows ? windowedLayers(reader, GLOBAL_PERIOD) : () => false;
    reader.excuseKeys('all layers rotate by one base', 'rope.freq_base_swa');
    if (!hasWindows)
      reader.excuseKeys(
        'only the size of 64 layers has windows',
        'attention.sliding_window',
        'attention.sliding_window_pattern',
      );
    return decoderOf(reader, {
      norm: 'rms',
      layer: (index) => {
        const shape = headShapeOf(reader, index);
        const rope = ropeOf(reader, shape.keyLength, { style: 'halves', factors: 'one' });
        return {
          mixer: attentionOf(reader, index, {
            norms: { output: normOf(reader, 'rms', `blk.${index}.post_attention_norm`, width) },
            ...queryKeyNorms(reader, 'rms', index, shape),
            rope: isWindowed(index) || !hasWindows ? rope : undefined,
            window: isWindowed(index)
              ? (reader.optionalCount('attention.sliding_window') ?? DEFAULT_WINDOW)
              : undefined,
          }),
          feedForward: gatedOf(
            reader,
            index,
            { output: normOf(reader, 'rms', `blk.${index}.post_ffw_norm`, width) },
            'silu',
          ),
        };
      },
    });
  },
};
