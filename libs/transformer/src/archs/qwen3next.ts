import type { Architecture } from '../architecture/architecture.js';
import type { BlockNorms, FeedForwardSpec } from '../architecture/block-spec.js';
import { expertsOf, hasExperts } from '../architecture/experts.js';
import type { DeltaNetSpec } from '../architecture/mixer-spec.js';
import type { ModelReader } from '../architecture/model-reader.js';
import type { ModelSpec } from '../architecture/model-spec.js';
import { attentionOf, decoderOf, gatedOf, headShapeOf, normOf, queryKeyNorms, sharedExpertOf } from '../architecture/parts.js';
import { deltaNetOf } from '../architecture/recurrent-parts.js';
import { ropeOf } from '../architecture/rope.js';

/** One layer of so many has attention, unless the file lists the layers. */
const ATTENTION_INTERVAL = 4;

/** Qwen3-Next: gated delta nets, in every fourth layer attention with a gate on each head; experts beside a gated shared one. */
export const qwen3next: Architecture = { name: 'qwen3next', read: (reader) => readQwen3Next(reader, 'neighbours') };

/** Qwen3.5 and its mixtures: the same, with the heads of values in another order. Text has one position where images have three. */
export const qwen35: Architecture = { name: 'qwen35', read: (reader) => readQwen3Next(reader, 'remainder') };
export const qwen35moe: Architecture = { name: 'qwen35moe', read: (reader) => readQwen3Next(reader, 'remainder') };

function readQwen3Next(reader: ModelReader, sharing: DeltaNetSpec['sharing']): ModelSpec {
  const width = reader.count('embedding_length');
  const isRecurrent = recurrentLayers(reader);
  return decoderOf(reader, {
    norm: 'rms',
    layer: (index) => {
      const norms = { input: normOf(reader, 'rms', `blk.${index}.attn_norm`, width) };
      const feedForward = feedForwardOf(reader, index, { input: normOf(reader, 'rms', `blk.${index}.post_attention_norm`, width) });
      if (isRecurrent(index)) return { mixer: deltaNetOf(reader, index, norms, sharing), feedForward };
      const shape = headShapeOf(reader, index);
      const { heads, kvHeads, keyLength, valueLength } = shape;
      const block = `blk.${index}`;
      return {
        mixer: attentionOf(reader, index, {
          norms,
          ...queryKeyNorms(reader, 'rms', index, shape),
          projection: {
            kind: 'gated',
            q: reader.linear(`${block}.attn_q`, 2 * heads * keyLength, width),
            k: reader.linear(`${block}.attn_k`, kvHeads * keyLength, width),
            v: reader.linear(`${block}.attn_v`, kvHeads * valueLength, width),
          },
          rope: ropeOf(reader, keyLength, { style: 'halves' }),
          scale: reader.optionalNumber('attention.scale') || undefined,
        }),
        feedForward,
      };
    },
  });
}

function feedForwardOf(reader: ModelReader, layer: number, norms: BlockNorms): FeedForwardSpec {
  if (!hasExperts(reader)) return gatedOf(reader, layer, norms, 'silu');
  const sharedLength = reader.optionalCount('expert_shared_feed_forward_length') ?? reader.count('feed_forward_length', layer);
  const shared = reader.has(`blk.${layer}.ffn_up_shexp.weight`) ? sharedExpertOf(reader, layer, sharedLength) : undefined;
  const length = reader.optionalCount('expert_feed_forward_length', layer) ?? reader.count('feed_forward_length', layer) / reader.count('expert_used_count', layer);
  return expertsOf(reader, layer, { norms, length, shared });
}

function recurrentLayers(reader: ModelReader): (layer: number) => boolean {
  const listed = reader.booleans('attention.recurrent_layers');
  if (listed) return (layer) => listed[layer];
  if (reader.hasKey('attention.recurrent_layers')) return (layer) => reader.perLayer('attention.recurrent_layers', layer) !== 0;
  const interval = reader.optionalCount('full_attention_interval') ?? ATTENTION_INTERVAL;
  return (layer) => (layer + 1) % interval !== 0;
}
