import type { Architecture } from '../architecture/architecture.js';
import { attentionOf, decoderOf, normOf, plainOf } from '../architecture/parts.js';

/** The largest exponent of ALiBi's slopes in Bloom; its files do not name it. */
const ALIBI_MAX_BIAS = 8;

/** Bloom: positions by ALiBi, a norm on the embeddings, biases everywhere, GELU. */
export const bloom: Architecture = {
  name: 'bloom',
  read: (reader) => {
    const width = reader.count('embedding_length');
    return decoderOf(reader, {
      embedding: { norm: normOf(reader, 'layer', 'token_embd_norm', width) },
      norm: 'layer',
      layer: (index) => ({
        mixer: attentionOf(reader, index, { norms: { input: normOf(reader, 'layer', `blk.${index}.attn_norm`, width) }, alibiMaxBias: ALIBI_MAX_BIAS }),
        feedForward: plainOf(reader, index, { input: normOf(reader, 'layer', `blk.${index}.ffn_norm`, width) }, 'gelu'),
      }),
    });
  },
};
