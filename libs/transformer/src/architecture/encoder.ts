import type { ModelReader } from './model-reader.js';
import type { LayerSpec, ModelSpec } from './model-spec.js';
import { embeddingOf, normOf } from './parts.js';
import { poolingOf, rankHeadOf } from './pooling.js';

/** What differs between encoders. */
export interface EncoderOptions {
  readonly learnedPositions: boolean;
  layer(index: number): Pick<LayerSpec, 'mixer' | 'feedForward'>;
}

/** A model whose tokens all see each other, between a table of embeddings (with types, positions, a norm) and its last hidden states. */
export function encoderOf(reader: ModelReader, { learnedPositions, layer }: EncoderOptions): ModelSpec {
  const width = reader.count('embedding_length');
  const embedding = embeddingOf(reader, {
    types: reader.has('token_types.weight') ? reader.table('token_types.weight', width) : undefined,
    positions: learnedPositions ? reader.table('position_embd.weight', width) : undefined,
    norm: normOf(reader, 'layer', 'token_embd_norm', width),
  });
  return {
    embeddingLength: width,
    vocabSize: embedding.table.rowCount,
    trainedContextLength: reader.count('context_length'),
    embedding,
    layers: Array.from({ length: reader.count('block_count') }, (_, index) => ({ parallel: false, residualScale: 1, ...layer(index) })),
    output: { scale: 1 },
    causal: reader.boolean('attention.causal') ?? false,
    pooling: poolingOf(reader) ?? 'none',
    rankHead: rankHeadOf(reader, reader.boolean('attention.causal') ?? false),
  };
}
