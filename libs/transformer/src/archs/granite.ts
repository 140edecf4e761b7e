import type { Architecture } from '../architecture/architecture.js';
import { expertsOf } from '../architecture/experts.js';
import type { ModelReader } from '../architecture/model-reader.js';
import type { BlockNorms, FeedForwardSpec } from '../architecture/block-spec.js';
import type { ModelSpec } from '../architecture/model-spec.js';
import { attentionOf, decoderOf, gatedOf, headShapeOf, normOf, sharedExpertOf } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';

/** Granite 3: embeddings, scores, residual branches and logits each have a multiplier. */
export const granite: Architecture = { name: 'granite', read: readGranite };

/** The same with experts in place of the feed-forward block, beside a shared one in some files. */
export const graniteMoe: Architecture = { name: 'granitemoe', read: readGranite };

function readGranite(reader: ModelReader): ModelSpec {
  const width = reader.count('embedding_length');
  // Here the key that elsewhere tells of finetuning says whether there is a rotation at all.
  const isRotated = reader.boolean('rope.scaling.finetuned') ?? true;
  const sharedLength = reader.optionalNumber('expert_shared_feed_forward_length') || undefined;
  const feedForward = (index: number, norms: BlockNorms): FeedForwardSpec =>
    reader.has(`blk.${index}.ffn_gate_inp.weight`)
      ? expertsOf(reader, index, { norms, length: reader.count('feed_forward_length', index), shared: sharedLength === undefined ? undefined : sharedExpertOf(reader, index, sharedLength) })
      : gatedOf(reader, index, norms, 'silu');
  return decoderOf(reader, {
    embedding: { scale: reader.optionalNumber('embedding_scale') || 1 },
    norm: 'rms',
    output: { scale: 1 / reader.number('logit_scale') },
    layer: (index) => ({
      residualScale: reader.optionalNumber('residual_scale') || 1,
      mixer: attentionOf(reader, index, {
        norms: { input: normOf(reader, 'rms', `blk.${index}.attn_norm`, width) },
        rope: isRotated ? ropeOf(reader, headShapeOf(reader, index).keyLength, { style: 'pairs' }) : undefined,
        scale: reader.optionalNumber('attention.scale') || undefined,
      }),
      feedForward: feedForward(index, { input: normOf(reader, 'rms', `blk.${index}.ffn_norm`, width) }),
    }),
  });
}
