import type { Architecture } from '../architecture/architecture.js';
import type { BlockNorms } from '../architecture/block-spec.js';
import { gatedOf } from '../architecture/feed-forward.js';
import { attentionOf, decoderOf, headShapeOf, normOf, queryKeyNorms } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';

/** Of the norms of heads, which files do not name. */
const HEAD_EPSILON = 1e-5;
/** Tokens that stand for pieces of images: a text has none. */
const IMAGE_TOKENS = { first: 4, count: 8192 };

/** Chameleon, of which the text runs: norms of heads with means, and in the larger size norms on outputs of blocks in place of inputs. */
export const chameleon: Architecture = {
  name: 'chameleon',
  families: 'Chameleon (text)',
  read: (reader) => {
    const width = reader.count('embedding_length');
    const place = reader.boolean('swin_norm') ? 'output' : 'input';
    const norms = (index: number, name: string): BlockNorms => ({
      [place]: normOf(reader, 'rms', `blk.${index}.${name}`, width),
    });
    return decoderOf(reader, {
      norm: 'rms',
      output: { suppressed: IMAGE_TOKENS },
      layer: (index) => {
        const shape = headShapeOf(reader, index);
        return {
          mixer: attentionOf(reader, index, {
            norms: norms(index, 'attn_norm'),
            ...queryKeyNorms(reader, 'layer', index, shape, HEAD_EPSILON),
            rope: ropeOf(reader, shape.keyLength, { style: 'pairs' }),
          }),
          feedForward: gatedOf(reader, index, norms(index, 'ffn_norm'), 'silu'),
        };
      },
    });
  },
};
