import type { Architecture } from '../architecture/architecture.js';
import type { AttentionSpec, BlockNorms } from '../architecture/block-spec.js';
import type { DeltaNetSpec } from '../architecture/mixer-spec.js';
import type { ModelReader } from '../architecture/model-reader.js';
import type { ModelSpec } from '../architecture/model-spec.js';
import { feedForwardOf } from '../architecture/feed-forward.js';
import { attentionOf, decoderOf, headShapeOf, normOf, queryKeyNorms } from '../architecture/parts.js';
import { deltaNetOf, recurrentLayers } from '../architecture/recurrent-parts.js';
import { ropeOf } from '../architecture/rope.js';

/** One layer of so many has attention, unless the file lists the layers. */
const ATTENTION_INTERVAL = 4;

/** Qwen3-Next: gated delta nets, in every fourth layer attention with a gate on each head; experts beside a gated shared one. */
export const qwen3next: Architecture = {
  name: 'qwen3next',
  families: 'Qwen3-Next, Qwen3 Coder Next',
  read: (reader) => readQwen3Next(reader, 'neighbours'),
};

/** Qwen3.5 and its mixtures: the same, with the heads of values in another order. Text has one position where images have three. */
export const qwen35: Architecture = {
  name: 'qwen35',
  families: 'Qwen3.5',
  read: (reader) => readQwen3Next(reader, 'remainder'),
};
export const qwen35moe: Architecture = {
  name: 'qwen35moe',
  families: 'Qwen3.5 with experts',
  read: (reader) => readQwen3Next(reader, 'remainder'),
};

function readQwen3Next(reader: ModelReader, sharing: DeltaNetSpec['sharing']): ModelSpec {
  const width = reader.count('embedding_length');
  const isRecurrent = recurrentLayers(reader, ATTENTION_INTERVAL);
  return decoderOf(reader, {
    norm: 'rms',
    layer: (index) => {
      const norms = { input: normOf(reader, 'rms', `blk.${index}.attn_norm`, width) };
      const feedForward = feedForwardOf(reader, index, {
        input: normOf(reader, 'rms', `blk.${index}.post_attention_norm`, width),
      });
      // The layer of the head has attention, whatever its number.
      if (reader.part === 'model' && isRecurrent(index))
        return { mixer: deltaNetOf(reader, index, norms, sharing), feedForward };
      return { mixer: gatedAttentionOf(reader, index, norms), feedForward };
    },
  });
}

/** Attention of a layer with norms of heads, and with a gate for each query. */
export function gatedAttentionOf(reader: ModelReader, layer: number, norms: BlockNorms): AttentionSpec {
  const width = reader.count('embedding_length');
  const block = `blk.${layer}`;
  const shape = headShapeOf(reader, layer);
  const { heads, kvHeads, keyLength, valueLength } = shape;
  return attentionOf(reader, layer, {
    norms,
    ...queryKeyNorms(reader, 'rms', layer, shape),
    projection: {
      kind: 'gated',
      q: reader.linear(`${block}.attn_q`, 2 * heads * keyLength, width),
      k: reader.linear(`${block}.attn_k`, kvHeads * keyLength, width),
      v: reader.linear(`${block}.attn_v`, kvHeads * valueLength, width),
    },
    rope: ropeOf(reader, keyLength, { style: 'halves' }),
  });
}
