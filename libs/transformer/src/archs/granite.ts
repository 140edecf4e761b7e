import type { Architecture } from '../architecture/architecture.js';
import type { ModelReader } from '../architecture/model-reader.js';
import type { BlockNorms } from '../architecture/block-spec.js';
import type { MixerSpec } from '../architecture/mixer-spec.js';
import type { ModelSpec } from '../architecture/model-spec.js';
import { feedForwardOf } from '../architecture/feed-forward.js';
import {
  attentionOf,
  decoderOf,
  headShapeOf,
  normOf,
  windowsOf,
  type AttentionOptions,
  type HeadShape,
} from '../architecture/parts.js';
import { isWithoutKeys, stateSpaceOf } from '../architecture/recurrent-parts.js';
import { ropeOf, withoutFactors, type RopeFactors } from '../architecture/rope.js';

/** Granite 3: embeddings, scores, residual branches and logits each have a multiplier. */
export const granite: Architecture = {
  name: 'granite',
  families: 'Granite 3',
  read: (reader) => readGranite(reader, rotatedAsSaid(reader, 'byScaling')),
};

/** The same with experts in place of the feed-forward block, beside a shared one in some files; heads are always rotated. */
export const graniteMoe: Architecture = {
  name: 'granitemoe',
  families: 'Granite 3 with experts',
  read: (reader) => readGranite(reader, { isRotated: () => true, factors: 'byScaling' }),
};

/** Granite 4: either, with Mamba-2 in place of attention in most layers. */
export const graniteHybrid: Architecture = {
  name: 'granitehybrid',
  families: 'Granite 4',
  read: (reader) => readGranite(reader, rotatedAsSaid(reader, 'one')),
};

/** Granite with windows in layers that the file lists, a sink in each head's softmax, and a rotation in layers that the file lists. */
export const graniteSwa: Architecture = {
  name: 'granite_swa',
  families: 'Granite with windows',
  read: (reader) => {
    const windowOf = windowsOf(reader);
    return readGranite(reader, {
      factors: 'byScaling',
      isRotated: (index) => (reader.perLayer('attention.rope_pattern', index) ?? 1) !== 0,
      attention: (index, { heads }) => ({
        window: windowOf(index),
        sinks: reader.vector(`blk.${index}.attn_sinks.weight`, heads),
      }),
    });
  },
};

/** What differs between Granite's families. */
interface GraniteOptions {
  /** Whether a layer rotates heads. */
  isRotated(index: number): boolean;
  /** Divisors of the angles that files may have. */
  readonly factors: RopeFactors;
  /** What a layer's attention has beyond that of Granite 3. */
  attention?(index: number, shape: HeadShape): Partial<AttentionOptions>;
}

/** Here the key that elsewhere tells of finetuning says whether there is a rotation at all. */
function rotatedAsSaid(reader: ModelReader, factors: RopeFactors): GraniteOptions {
  const isRotated = reader.boolean('rope.scaling.finetuned') ?? true;
  if (!isRotated) withoutFactors(reader, factors);
  return { isRotated: () => isRotated, factors };
}

function readGranite(reader: ModelReader, { isRotated, factors, attention }: GraniteOptions): ModelSpec {
  const width = reader.count('embedding_length');
  const rotatedAttention = (index: number, norms: BlockNorms): MixerSpec => {
    const shape = headShapeOf(reader, index);
    const scale = reader.optionalNumber('attention.scale') || undefined;
    return attentionOf(reader, index, {
      norms,
      scale,
      rope: isRotated(index) ? ropeOf(reader, shape.keyLength, { style: 'pairs', factors }) : undefined,
      ...attention?.(index, shape),
    });
  };
  const mixer = (index: number, norms: BlockNorms): MixerSpec =>
    isWithoutKeys(reader, index) ? stateSpaceOf(reader, index, norms) : rotatedAttention(index, norms);
  return decoderOf(reader, {
    embedding: { scale: reader.optionalNumber('embedding_scale') || 1 },
    norm: 'rms',
    output: { scale: 1 / (reader.optionalNumber('logit_scale') || 1) },
    layer: (index) => ({
      residualScale: reader.optionalNumber('residual_scale') || 1,
      mixer: mixer(index, { input: normOf(reader, 'rms', `blk.${index}.attn_norm`, width) }),
      feedForward: feedForwardOf(reader, index, { input: normOf(reader, 'rms', `blk.${index}.ffn_norm`, width) }),
    }),
  });
}
