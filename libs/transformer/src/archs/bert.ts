import type { Architecture } from '../architecture/architecture.js';
import type { AttentionSpec, BlockNorms, FeedForwardSpec } from '../architecture/block-spec.js';
import { bertEmbedding, encoderOf } from '../architecture/encoder.js';
import { expertsOf } from '../architecture/experts.js';
import { gatedOf, plainOf } from '../architecture/feed-forward.js';
import type { ModelReader } from '../architecture/model-reader.js';
import type { LayerSpec, ModelSpec } from '../architecture/model-spec.js';
import {
  attentionOf,
  headShapeOf,
  normOf,
  optionalNorm,
  queryKeyNorms,
  withoutBiases,
  type HeadShape,
} from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';

/*
 * BERT and encoders that are it with other positions or other feed-forward blocks: norms after each residual sum.
 */

/** What differs in the family. */
interface BertOptions {
  readonly learnedPositions?: boolean;
  attention?(layer: number, shape: HeadShape): Partial<AttentionSpec>;
  feedForward(layer: number, norms: BlockNorms): FeedForwardSpec;
  /** Of a layer beside its blocks. */
  layer?(layer: number): Partial<LayerSpec>;
}

function bertOf(reader: ModelReader, { learnedPositions, attention, feedForward, layer }: BertOptions): ModelSpec {
  const sum = (index: number, name: string): BlockNorms => ({
    sum: normOf(reader, 'layer', `blk.${index}.${name}`, reader.count('embedding_length')),
  });
  return encoderOf(reader, {
    causal: false,
    embedding: bertEmbedding(reader, learnedPositions),
    layer: (index) => ({
      ...layer?.(index),
      mixer: attentionOf(reader, index, {
        norms: sum(index, 'attn_output_norm'),
        ...attention?.(index, headShapeOf(reader, index)),
      }),
      feedForward: feedForward(index, sum(index, 'layer_output_norm')),
    }),
  });
}

const rotated = (reader: ModelReader) => ({
  attention: (_: number, { keyLength }: HeadShape) => ({ rope: ropeOf(reader, keyLength, { style: 'halves' }) }),
});

/** Learned positions, GELU. */
export const bert: Architecture = {
  name: 'bert',
  families: 'BERT, BGE, E5, GTE, MiniLM, Snowflake Arctic Embed',
  read: (reader) =>
    bertOf(reader, { learnedPositions: true, feedForward: (index, norms) => plainOf(reader, index, norms, 'gelu') }),
};

/** Rotated heads, a gate with SiLU. */
export const nomicBert: Architecture = {
  name: 'nomic-bert',
  families: 'Nomic Embed 1 and 1.5',
  read: (reader) => {
    withoutBiases(reader, 'ffn_up', 'ffn_down');
    return bertOf(reader, { ...rotated(reader), feedForward: (index, norms) => gatedOf(reader, index, norms, 'silu') });
  },
};

/** Rotated heads, GELU; the second of every few layers has experts, which see the weights as they come. */
export const nomicBertMoe: Architecture = {
  name: 'nomic-bert-moe',
  families: 'Nomic Embed 2',
  read: (reader) => {
    const period = reader.optionalNumber('moe_every_n_layers') ?? 0;
    return bertOf(reader, {
      ...rotated(reader),
      feedForward: (index, norms) =>
        period > 0 && index % period === 1
          ? expertsOf(reader, index, { norms, activation: 'gelu', normalize: false })
          : plainOf(reader, index, norms, 'gelu'),
    });
  },
};

/** Largest slope exponent of Jina's scores. */
const JINA_MAX_BIAS = 8;

/**
 * Jina BERT 2: scores that fall with the distance, norms of whole rows of queries and keys in some, a gate with GELU in most; where there is a second norm
 * after attention, the block's input is added once more before it.
 */
export const jinaBertV2: Architecture = {
  name: 'jina-bert-v2',
  families: 'Jina Embeddings 2, Jina Reranker 1',
  read: (reader) => {
    reader.excuseKeys('it is the same in all files', 'attention.max_alibi_bias');
    return bertOf(reader, {
      attention: (index, shape) => ({ alibiMaxBias: JINA_MAX_BIAS, ...queryKeyNorms(reader, 'layer', index, shape) }),
      feedForward: (index, norms) => {
        const isPlain =
          !reader.has(`blk.${index}.ffn_gate.weight`) &&
          reader.vector(`blk.${index}.ffn_up.weight`).rowCount === reader.count('feed_forward_length', index);
        return isPlain ? plainOf(reader, index, norms, 'gelu') : gatedOf(reader, index, norms, 'gelu');
      },
      layer: (index) => {
        const norm = optionalNorm(reader, 'layer', `blk.${index}.attn_norm_2`, reader.count('embedding_length'));
        const name = 'attention input';
        return norm
          ? {
              before: [{ kind: 'keep', name }],
              between: [
                { kind: 'recall', name },
                { kind: 'norm', norm },
              ],
            }
          : {};
      },
    });
  },
};

/** Jina BERT 3: rotated heads, GELU. */
export const jinaBertV3: Architecture = {
  name: 'jina-bert-v3',
  families: 'Jina Embeddings 3',
  read: (reader) =>
    bertOf(reader, { ...rotated(reader), feedForward: (index, norms) => plainOf(reader, index, norms, 'gelu') }),
};
