import type { Architecture } from '../architecture/architecture.js';
import type { MixerSpec } from '../architecture/mixer-spec.js';
import type { ModelReader } from '../architecture/model-reader.js';
import { gatedOf } from '../architecture/feed-forward.js';
import { attentionOf, decoderOf, headShapeOf, normOf } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';

/** DeciLM and the Nemotrons pruned from Llama 3.1: Llama's blocks, of which layers lack one or both, or have a linear map in place of attention. */
export const deci: Architecture = {
  name: 'deci',
  families: 'DeciLM, Llama Nemotron',
  read: (reader) => {
    const width = reader.count('embedding_length');
    return decoderOf(reader, {
      norm: 'rms',
      layer: (index) => ({
        mixer: mixerOf(reader, index),
        feedForward:
          reader.perLayer('feed_forward_length', index) === 0
            ? undefined
            : gatedOf(reader, index, { input: normOf(reader, 'rms', `blk.${index}.ffn_norm`, width) }, 'silu'),
      }),
    });
  },
};

/** A layer without heads has no mixer; one without heads of keys has a linear map. */
function mixerOf(reader: ModelReader, index: number): MixerSpec | undefined {
  if (reader.perLayer('attention.head_count', index) === 0) return undefined;
  const width = reader.count('embedding_length');
  const norms = { input: normOf(reader, 'rms', `blk.${index}.attn_norm`, width) };
  if (reader.perLayer('attention.head_count_kv', index) === 0)
    return { kind: 'linear', norms, linear: reader.linear(`blk.${index}.attn_output`, width, width) };
  return attentionOf(reader, index, {
    norms,
    rope: ropeOf(reader, headShapeOf(reader, index).keyLength, { style: 'pairs', factors: 'byScaling' }),
  });
}
