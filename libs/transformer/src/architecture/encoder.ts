import type { NormSpec } from './block-spec.js';
import type { ModelReader } from './model-reader.js';
import type { EmbeddingSpec, LayerSpec, ModelSpec } from './model-spec.js';
import { embeddingOf, normOf } from './parts.js';
import { poolingOf, poolMapsOf, rankHeadOf, type RankOptions } from './pooling.js';

/** What differs between encoders. */
export interface EncoderOptions {
  /** Beside the table. Default: types of tokens if the file has them, and a norm. */
  readonly embedding?: Partial<EmbeddingSpec>;
  /** Default: none. */
  readonly outputNorm?: NormSpec;
  /** Whether a token sees those before it alone. Default: as the file says, else that it sees all. */
  readonly causal?: boolean;
  readonly rank?: RankOptions;
  layer(index: number): Pick<LayerSpec, 'mixer' | 'feedForward'> & Partial<LayerSpec>;
}

/** A model that gives hidden states, no logits; its tokens all see each other unless the file says otherwise. */
export function encoderOf(
  reader: ModelReader,
  { embedding = bertEmbedding(reader), outputNorm, causal, rank, layer }: EncoderOptions,
): ModelSpec {
  const table = embeddingOf(reader, embedding);
  const isCausal = causal ?? reader.boolean('attention.causal') ?? false;
  return {
    embeddingLength: reader.count('embedding_length'),
    vocabSize: table.table.rowCount,
    trainedContextLength: reader.count('context_length'),
    embedding: table,
    layers: Array.from({ length: reader.count('block_count') }, (_, index) => ({
      parallel: false,
      residualScale: 1,
      ...layer(index),
    })),
    output: { norm: outputNorm, scale: 1 },
    causal: isCausal,
    pooling: poolingOf(reader) ?? 'none',
    rankHead: rankHeadOf(reader, isCausal, rank),
    poolMaps: poolMapsOf(reader),
  };
}

/** Types of tokens, if the file has them, learned positions, if there are any, and a norm. */
export function bertEmbedding(reader: ModelReader, learnedPositions = false): Partial<EmbeddingSpec> {
  const width = reader.count('embedding_length');
  return {
    types: reader.has('token_types.weight') ? reader.table('token_types.weight', width) : undefined,
    positions: learnedPositions ? reader.table('position_embd.weight', width) : undefined,
    norm: normOf(reader, 'layer', 'token_embd_norm', width),
  };
}

/** Excuses an output matrix, which some files have. */
export function withoutLogits(reader: ModelReader): void {
  reader.excuseTensors('an encoder gives no logits', 'output.weight');
}
