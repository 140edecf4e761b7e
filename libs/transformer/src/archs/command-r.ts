import type { Architecture } from '../architecture/architecture.js';
import { gatedOf } from '../architecture/feed-forward.js';
import { attentionOf, decoderOf, headShapeOf, normOf, queryKeyNorms } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';

/** Command-R: both blocks side by side on one norm, logits scaled; the larger ones norm each head of queries and keys. */
export const commandR: Architecture = {
  name: 'command-r',
  families: 'Command R and R+, Aya 23, Aya Expanse',
  read: (reader) => {
    const width = reader.count('embedding_length');
    return decoderOf(reader, {
      norm: 'layer',
      output: { scale: reader.optionalNumber('logit_scale') || 1 },
      layer: (index) => {
        const shape = headShapeOf(reader, index);
        const norms = { input: normOf(reader, 'layer', `blk.${index}.attn_norm`, width) };
        return {
          parallel: true,
          mixer: attentionOf(reader, index, {
            norms,
            ...queryKeyNorms(reader, 'layer', index, shape),
            rope: ropeOf(reader, shape.keyLength, { style: 'pairs' }),
          }),
          feedForward: gatedOf(reader, index, norms, 'silu'),
        };
      },
    });
  },
};
