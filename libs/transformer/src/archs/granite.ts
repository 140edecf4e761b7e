import type { Architecture } from '../architecture/architecture.js';
import { expertsOf } from '../architecture/experts.js';
import type { ModelReader } from '../architecture/model-reader.js';
import type { BlockNorms, FeedForwardSpec } from '../architecture/block-spec.js';
import type { MixerSpec } from '../architecture/mixer-spec.js';
import type { ModelSpec } from '../architecture/model-spec.js';
import { attentionOf, decoderOf, gatedOf, headShapeOf, normOf, sharedExpertOf } from '../architecture/parts.js';
import { isWithoutKeys, stateSpaceOf } from '../architecture/recurrent-parts.js';
import { ropeOf } from '../architecture/rope.js';

/** Granite 3: embeddings, scores, residual branches and logits each have a multiplier. */
export const granite: Architecture = { name: 'granite', read: readGranite };

/** The same with experts in place of the feed-forward block, beside a shared one in some files. */
export const graniteMoe: Architecture = { name: 'granitemoe', read: readGranite };

/** Granite 4: either, with Mamba-2 in place of attention in most layers. */
export const graniteHybrid: Architecture = { name: 'granitehybrid', read: readGranite };

function readGranite(reader: ModelReader): ModelSpec {
  const width = reader.count('embedding_length');
  // Here the key that elsewhere tells of finetuning says whether there is a rotation at all.
  const isRotated = reader.boolean('rope.scaling.finetuned') ?? true;
  const sharedLength = reader.optionalNumber('expert_shared_feed_forward_length') || undefined;
  const feedForward = (index: number, norms: BlockNorms): FeedForwardSpec =>
    reader.has(`blk.${index}.ffn_gate_inp.weight`)
      ? expertsOf(reader, index, { norms, length: reader.count('feed_forward_length', index), shared: sharedLength === undefined ? undefined : sharedExpertOf(reader, index, sharedLength) })
      : gatedOf(reader, index, norms, 'silu');
  const mixer = (index: number, norms: BlockNorms): MixerSpec =>
    isWithoutKeys(reader, index)
      ? stateSpaceOf(reader, index, norms)
      : attentionOf(reader, index, {
          norms,
          rope: isRotated ? ropeOf(reader, headShapeOf(reader, index).keyLength, { style: 'pairs' }) : undefined,
          scale: reader.optionalNumber('attention.scale') || undefined,
        });
  return decoderOf(reader, {
    embedding: { scale: reader.optionalNumber('embedding_scale') || 1 },
    norm: 'rms',
    output: { scale: 1 / (reader.optionalNumber('logit_scale') || 1) },
    layer: (index) => ({
      residualScale: reader.optionalNumber('residual_scale') || 1,
      mixer: mixer(index, { input: normOf(reader, 'rms', `blk.${index}.attn_norm`, width) }),
      feedForward: feedForward(index, { input: normOf(reader, 'rms', `blk.${index}.ffn_norm`, width) }),
    }),
  });
}
