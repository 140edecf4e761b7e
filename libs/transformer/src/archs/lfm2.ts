import type { Architecture } from '../architecture/architecture.js';
import { feedForwardOf } from '../architecture/feed-forward.js';
import type { ModelReader } from '../architecture/model-reader.js';
import type { ModelSpec } from '../architecture/model-spec.js';
import { attentionOf, decoderOf, headShapeOf, normOf, queryKeyNorms } from '../architecture/parts.js';
import { isWithoutKeys, shortConvOf } from '../architecture/recurrent-parts.js';
import { ropeOf } from '../architecture/rope.js';

/** LFM2: short gated convolutions, and attention with norms of heads in some layers. Files call the final norm that of the embedding. */
export const lfm2: Architecture = {
  name: 'lfm2',
  families: 'LFM2',
  read: (reader) => readLfm2(reader, windowOf(reader)),
};

/** The same with experts in all layers but the first ones, and without windows. */
export const lfm2moe: Architecture = {
  name: 'lfm2moe',
  families: 'LFM2 with experts',
  read: (reader) => readLfm2(reader, undefined),
};

function windowOf(reader: ModelReader): number | undefined {
  reader.excuseKeys(
    'where there is a window, it is that of all layers with attention',
    'attention.sliding_window_pattern',
  );
  return reader.optionalCount('attention.sliding_window');
}

function readLfm2(reader: ModelReader, window: number | undefined): ModelSpec {
  if (reader.boolean('attention.causal') === false)
    throw reader.invalid(
      'asks for convolutions that see what comes after a token, where only those over what came before are supported',
    );
  const width = reader.count('embedding_length');
  const finalNorm = reader.has('output_norm.weight') ? 'output_norm' : 'token_embd_norm';
  return decoderOf(reader, {
    norm: 'rms',
    output: { norm: normOf(reader, 'rms', finalNorm, width) },
    layer: (index) => {
      const norms = { input: normOf(reader, 'rms', `blk.${index}.attn_norm`, width) };
      const feedForward = feedForwardOf(reader, index, {
        input: normOf(reader, 'rms', `blk.${index}.ffn_norm`, width),
      });
      if (isWithoutKeys(reader, index)) return { mixer: shortConvOf(reader, index, norms), feedForward };
      const shape = headShapeOf(reader, index);
      return {
        mixer: attentionOf(reader, index, {
          norms,
          ...queryKeyNorms(reader, 'rms', index, shape),
          rope: ropeOf(reader, shape.keyLength, { style: 'halves' }),
          window,
        }),
        feedForward,
      };
    },
  });
}
