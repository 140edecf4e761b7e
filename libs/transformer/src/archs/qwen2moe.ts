import type { Architecture } from '../architecture/architecture.js';
import { expertsOf } from '../architecture/experts.js';
import { attentionOf, decoderOf, headShapeOf, normOf, sharedExpertOf } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';

/** Qwen 1.5 and 2 MoE: weights of experts as the softmax gives them, and a shared expert behind a gate of its own. */
export const qwen2moe: Architecture = {
  name: 'qwen2moe',
  read: (reader) => {
    const width = reader.count('embedding_length');
    const shared = reader.optionalCount('expert_shared_feed_forward_length') ?? reader.count('feed_forward_length');
    return decoderOf(reader, {
      norm: 'rms',
      layer: (index) => ({
        mixer: attentionOf(reader, index, {
          norms: { input: normOf(reader, 'rms', `blk.${index}.attn_norm`, width) },
          rope: ropeOf(reader, headShapeOf(reader, index).keyLength, { style: 'halves' }),
        }),
        feedForward: expertsOf(reader, index, {
          norms: { input: normOf(reader, 'rms', `blk.${index}.ffn_norm`, width) },
          length: reader.optionalCount('expert_feed_forward_length', index) ?? reader.count('feed_forward_length') / reader.count('expert_used_count', index),
          normalize: false,
          shared: sharedExpertOf(reader, index, shared),
        }),
      }),
    });
  },
};
