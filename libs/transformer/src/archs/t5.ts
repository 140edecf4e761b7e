import type { TensorInfo } from '@starling/gguf';
import type { Architecture } from '../architecture/architecture.js';
import type { AttentionSpec, BlockNorms, DenseSpec, LinearSpec, NormSpec } from '../architecture/block-spec.js';
import { encoderOf, withoutLogits } from '../architecture/encoder.js';
import type { ModelReader } from '../architecture/model-reader.js';
import type { EncoderSpec, LayerSpec, ModelSpec } from '../architecture/model-spec.js';
import { embeddingOf, headShapeOf, normOf, outputOf } from '../architecture/parts.js';
import { poolingOf } from '../architecture/pooling.js';

/** Distances from here on have the same bias. */
const REACH = 128;

/** The part of the model that a block is in, as names of tensors begin. */
type Side = 'enc' | 'dec';

/** T5's encoder: norms of squares, scores as they are with a bias for each distance that the first layer has for all. */
export const t5encoder: Architecture = {
  name: 't5encoder',
  families: 'encoders of T5',
  read: (reader) => {
    withoutLogits(reader);
    return encoderOf(reader, {
      embedding: {},
      causal: false,
      outputNorm: norm(reader, 'enc.output_norm'),
      layer: (index) => ({
        mixer: selfAttentionOf(reader, 'enc', index),
        feedForward: feedForwardOf(reader, 'enc', index),
      }),
    });
  },
};

/**
 * T5 (Raffel et al., 2020): the encoder reads a text, the decoder writes another, each of its layers with attention over what it has written and
 * over what was read.
 */
export const t5: Architecture = {
  name: 't5',
  families: 'T5, Flan-T5, mT5, UMT5, MADLAD-400',
  hasTwoTexts: true,
  read: (reader) => {
    reader.excuseTensors(
      'biases that the model does not add: what was read lies at no distance',
      /^dec\.blk\.\d+\.cross_attn_rel_b\.weight$/,
    );
    const embedding = embeddingOf(reader);
    const layers = Array.from(
      { length: reader.optionalCount('decoder_block_count') ?? reader.count('block_count') },
      (_, index) => decoderLayer(reader, index),
    );
    const width = reader.count('embedding_length');
    const isTied = !reader.has('output.weight');
    return {
      embeddingLength: width,
      vocabSize: embedding.table.rowCount,
      trainedContextLength: reader.count('context_length'),
      embedding,
      encoder: { ...encoderBefore(reader, layers), decoderStart: decoderStartOf(reader, embedding.table.rowCount) },
      layers,
      // A table that is used twice has rows as long as embeddings want them.
      output: outputOf(reader, 'rms', {
        norm: norm(reader, 'dec.output_norm'),
        scale: isTied ? 1 / Math.sqrt(width) : 1,
      }),
      causal: false,
      pooling: poolingOf(reader),
    } satisfies ModelSpec;
  },
};

function decoderLayer(reader: ModelReader, index: number) {
  const block = `dec.blk.${index}`;
  const leading = { ...selfAttentionOf(reader, 'dec', index), sees: 'decoded' } as const;
  const { projection, ...cross } = attentionOf(reader, `${block}.cross_attn`, {
    input: norm(reader, `${block}.cross_attn_norm`),
  });
  const mixer: AttentionSpec = {
    ...cross,
    projection: { kind: 'queries', q: projection.q, pagesOf: leading },
    sees: 'encoded',
  };
  const layer: LayerSpec = {
    parallel: false,
    residualScale: 1,
    mixer,
    feedForward: feedForwardOf(reader, 'dec', index),
  };
  return { ...layer, leading, handover: { keys: projection.k, values: projection.v, to: leading } };
}

/** The encoder's layers borrow the pages of the decoder's, in turn. */
function encoderBefore(reader: ModelReader, decoder: readonly ReturnType<typeof decoderLayer>[]): EncoderSpec {
  const layer = (index: number): LayerSpec => ({
    parallel: false,
    residualScale: 1,
    mixer: {
      ...selfAttentionOf(reader, 'enc', index),
      sees: 'encoded',
      borrows: decoder[index % decoder.length].leading,
    },
    feedForward: feedForwardOf(reader, 'enc', index),
  });
  return {
    layers: Array.from({ length: reader.count('block_count') }, (_, index) => layer(index)),
    norm: norm(reader, 'enc.output_norm'),
    handovers: decoder.map(({ handover }) => handover),
  };
}

/** The token that the file names, else the one that texts begin with, else the first, as T5 has it. */
function decoderStartOf(reader: ModelReader, vocabSize: number): number {
  const named = reader.optionalNumber('decoder_start_token_id') ?? -1;
  const begin = reader.metadata('tokenizer.ggml.bos_token_id');
  const token = named >= 0 ? named : typeof begin === 'number' ? begin : 0;
  if (!Number.isInteger(token) || token >= vocabSize)
    throw reader.invalid(
      `has ${token} as the token that answers begin with, where one of 0 to ${vocabSize - 1} is expected`,
    );
  return token;
}

const norm = (reader: ModelReader, name: string): NormSpec =>
  normOf(reader, 'rms', name, reader.count('embedding_length'));

function selfAttentionOf(reader: ModelReader, side: Side, layer: number): AttentionSpec {
  const block = `${side}.blk.${layer}`;
  return {
    ...attentionOf(reader, `${block}.attn`, { input: norm(reader, `${block}.attn_norm`) }),
    relative: { table: biasesOf(reader, side, layer), bothSides: side === 'enc', reach: REACH },
  };
}

/** Attention by the names that begin so: `attn_q` and so on, and `attn_o`. */
function attentionOf(reader: ModelReader, name: string, norms: BlockNorms) {
  const shape = headShapeOf(reader, 0);
  const { heads, kvHeads, keyLength, valueLength } = shape;
  const width = reader.count('embedding_length');
  const linear = (part: string, rows: number, columns: number): LinearSpec =>
    reader.linear(`${name}_${part}`, rows, columns);
  return {
    kind: 'attention',
    ...shape,
    norms,
    projection: {
      kind: 'separate',
      q: linear('q', heads * keyLength, width),
      k: linear('k', kvHeads * keyLength, width),
      v: linear('v', kvHeads * valueLength, width),
    },
    scale: 1,
    output: linear('o', width, heads * valueLength),
  } as const satisfies AttentionSpec;
}

/** A layer's own biases, or those of the first. */
function biasesOf(reader: ModelReader, side: Side, layer: number): TensorInfo {
  const own = `${side}.blk.${layer}.attn_rel_b.weight`;
  return reader.table(
    reader.has(own) ? own : `${side}.blk.0.attn_rel_b.weight`,
    reader.count('attention.head_count'),
    reader.count('attention.relative_buckets_count'),
  );
}

/** A gate with GELU where the file has one, else ReLU. */
function feedForwardOf(reader: ModelReader, side: Side, layer: number): DenseSpec {
  const block = `${side}.blk.${layer}`;
  const width = reader.count('embedding_length');
  const length = reader.count('feed_forward_length', layer);
  const linear = (name: string, rows: number, columns: number): LinearSpec =>
    reader.linear(`${block}.${name}`, rows, columns);
  const up = linear('ffn_up', length, width);
  const gate = reader.optionalLinear(`${block}.ffn_gate`, length, width);
  return {
    kind: 'dense',
    norms: { input: norm(reader, `${block}.ffn_norm`) },
    input: gate ? { kind: 'gated', gate, up } : { kind: 'plain', up },
    activation: gate ? 'gelu' : 'relu',
    down: linear('ffn_down', width, length),
  };
}
