import type { Activation } from '@starling/kernels';
import type { ModelReader } from './model-reader.js';
import type { AttentionSpec, BlockNorms, DenseSpec, HeadNormSpec, LinearSpec, NormSpec, ProjectionSpec } from './block-spec.js';
import type { EmbeddingSpec, LayerSpec, ModelSpec, OutputSpec } from './model-spec.js';
import { poolingOf, rankHeadOf } from './pooling.js';

/*
 * The parts that architectures are put together from: each reads one block from the file, by the names that GGUF gives its tensors.
 */

/** The norm in tensor `name`: of squares alone, or with mean; with a bias if the file has one. */
export function normOf(reader: ModelReader, kind: NormSpec['kind'], name: string, width: number): NormSpec {
  return { ...weightlessNorm(reader, kind), weight: reader.vector(`${name}.weight`, width), bias: reader.optionalVector(`${name}.bias`, width) };
}

/** A norm without a weight. */
export function weightlessNorm(reader: ModelReader, kind: NormSpec['kind']): NormSpec {
  return { kind, epsilon: reader.number(kind === 'rms' ? 'attention.layer_norm_rms_epsilon' : 'attention.layer_norm_epsilon') };
}

/** The norm in a tensor, if the file has it. */
export function optionalNorm(reader: ModelReader, kind: NormSpec['kind'], name: string, width: number): NormSpec | undefined {
  return reader.has(`${name}.weight`) ? normOf(reader, kind, name, width) : undefined;
}

/** The counts and lengths of a layer's heads. */
export interface HeadShape {
  readonly heads: number;
  readonly kvHeads: number;
  readonly keyLength: number;
  readonly valueLength: number;
}

export function headShapeOf(reader: ModelReader, layer: number): HeadShape {
  const heads = reader.count('attention.head_count', layer);
  const kvHeads = reader.optionalCount('attention.head_count_kv', layer) ?? heads;
  const plain = reader.count('embedding_length') / heads;
  const keyLength = reader.optionalCount('attention.key_length') ?? plain;
  const valueLength = reader.optionalCount('attention.value_length') ?? plain;
  if (heads % kvHeads !== 0) throw reader.invalid(`has ${heads} heads of queries for ${kvHeads} heads of keys in layer ${layer}, which do not divide`);
  if (!Number.isInteger(keyLength) || keyLength % 4 !== 0 || !Number.isInteger(valueLength) || valueLength % 4 !== 0) {
    throw reader.invalid(`has heads of ${keyLength} and ${valueLength} elements, where multiples of 4 are expected`);
  }
  return { heads, kvHeads, keyLength, valueLength };
}

/** q, k and v, from `attn_qkv` or from three tensors, whichever the file has. */
export function projectionOf(reader: ModelReader, layer: number, shape: HeadShape): ProjectionSpec {
  const width = reader.count('embedding_length');
  const { heads, kvHeads, keyLength, valueLength } = shape;
  const [q, k, v] = [heads * keyLength, kvHeads * keyLength, kvHeads * valueLength];
  const block = `blk.${layer}`;
  if (reader.has(`${block}.attn_qkv.weight`)) return { kind: 'fused', qkv: reader.linear(`${block}.attn_qkv`, q + k + v, width) };
  return {
    kind: 'separate',
    q: reader.linear(`${block}.attn_q`, q, width),
    k: reader.linear(`${block}.attn_k`, k, width),
    v: reader.linear(`${block}.attn_v`, v, width),
  };
}

/** What differs between architectures in an attention block; what is left out is as in Llama. */
export type AttentionOptions = Partial<Omit<AttentionSpec, 'kind'>> & { readonly norms: BlockNorms };

/** The attention block of a layer. */
export function attentionOf(reader: ModelReader, layer: number, options: AttentionOptions): AttentionSpec {
  const shape = { ...headShapeOf(reader, layer), ...definedOnly({ heads: options.heads, kvHeads: options.kvHeads, keyLength: options.keyLength, valueLength: options.valueLength }) };
  return {
    kind: 'attention',
    ...shape,
    projection: options.projection ?? projectionOf(reader, layer, shape),
    scale: 1 / Math.sqrt(shape.keyLength),
    output: options.output ?? reader.linear(`blk.${layer}.attn_output`, reader.count('embedding_length'), shape.heads * shape.valueLength),
    ...definedOnly(options),
    norms: options.norms,
  };
}

/** The norms of queries and keys named `attn_q_norm` and `attn_k_norm`: of heads (one weight for all, or one each) or of whole rows, as the tensor's shape says. */
export function queryKeyNorms(reader: ModelReader, kind: NormSpec['kind'], layer: number, shape: HeadShape): { queryNorm?: HeadNormSpec; keyNorm?: HeadNormSpec } {
  const read = (name: string, heads: number): HeadNormSpec | undefined => {
    const full = `blk.${layer}.${name}`;
    if (!reader.has(`${full}.weight`)) return undefined;
    const { shape: dimensions } = reader.vector(`${full}.weight`);
    const over = dimensions[0] === shape.keyLength ? 'head' : 'row';
    const length = over === 'head' && dimensions.length === 1 ? shape.keyLength : heads * shape.keyLength;
    return { ...normOf(reader, kind, full, length), over };
  };
  return { queryNorm: read('attn_q_norm', shape.heads), keyNorm: read('attn_k_norm', shape.kvHeads) };
}

/** A feed-forward block with a gate: `ffn_gate` and `ffn_up`, or both in `ffn_up`, the gate first. */
export function gatedOf(reader: ModelReader, layer: number, norms: BlockNorms, activation: Activation, length = reader.count('feed_forward_length', layer)): DenseSpec {
  const width = reader.count('embedding_length');
  const block = `blk.${layer}`;
  const input = reader.has(`${block}.ffn_gate.weight`)
    ? ({ kind: 'gated', gate: reader.linear(`${block}.ffn_gate`, length, width), up: reader.linear(`${block}.ffn_up`, length, width) } as const)
    : ({ kind: 'fused', gateUp: reader.linear(`${block}.ffn_up`, 2 * length, width) } as const);
  return { kind: 'dense', norms, input, activation, down: reader.linear(`${block}.ffn_down`, width, length) };
}

/** The expert that every token goes through: `ffn_gate_shexp` and its like, with `ffn_gate_inp_shexp` as its gate if the file has it. */
export function sharedExpertOf(reader: ModelReader, layer: number, length: number): { readonly dense: DenseSpec; readonly gate?: LinearSpec } {
  const width = reader.count('embedding_length');
  const block = `blk.${layer}`;
  const input = { kind: 'gated', gate: reader.linear(`${block}.ffn_gate_shexp`, length, width), up: reader.linear(`${block}.ffn_up_shexp`, length, width) } as const;
  const dense: DenseSpec = { kind: 'dense', norms: {}, input, activation: 'silu', down: reader.linear(`${block}.ffn_down_shexp`, width, length) };
  return { dense, gate: reader.has(`${block}.ffn_gate_inp_shexp.weight`) ? reader.linear(`${block}.ffn_gate_inp_shexp`, 1, width) : undefined };
}

/** A feed-forward block without a gate. */
export function plainOf(reader: ModelReader, layer: number, norms: BlockNorms, activation: Activation): DenseSpec {
  const width = reader.count('embedding_length');
  const length = reader.count('feed_forward_length', layer);
  const block = `blk.${layer}`;
  return { kind: 'dense', norms, input: { kind: 'plain', up: reader.linear(`${block}.ffn_up`, length, width) }, activation, down: reader.linear(`${block}.ffn_down`, width, length) };
}

/** The embedding table, as it is. */
export function embeddingOf(reader: ModelReader, options: Partial<EmbeddingSpec> = {}): EmbeddingSpec {
  return { table: reader.table('token_embd.weight', reader.count('embedding_length')), scale: 1, ...options };
}

/** `output_norm` and `output`; a file without `output` uses the embedding table again. */
export function outputOf(reader: ModelReader, norm: NormSpec['kind'], options: Partial<OutputSpec> = {}): OutputSpec {
  const width = reader.count('embedding_length');
  const table = reader.table('token_embd.weight', width);
  const name = reader.has('output.weight') ? 'output' : 'token_embd';
  return { norm: options.norm ?? normOf(reader, norm, 'output_norm', width), head: reader.linear(name, table.rowCount, width), scale: 1, ...options };
}

/** What differs between decoders. */
export interface DecoderOptions {
  readonly embedding?: Partial<EmbeddingSpec>;
  /** The kind of the final norm. */
  readonly norm: NormSpec['kind'];
  readonly output?: Partial<OutputSpec>;
  readonly causal?: boolean;
  layer(index: number): Pick<LayerSpec, 'mixer' | 'feedForward'> & Partial<LayerSpec>;
}

/** A model of layers between an embedding table and an output matrix. */
export function decoderOf(reader: ModelReader, { embedding, norm, output, causal, layer }: DecoderOptions): ModelSpec {
  const table = embeddingOf(reader, embedding);
  const layerCount = reader.count('block_count') - (reader.optionalNumber('nextn_predict_layers') ?? 0);
  return {
    embeddingLength: reader.count('embedding_length'),
    vocabSize: table.table.rowCount,
    trainedContextLength: reader.count('context_length'),
    embedding: table,
    layers: Array.from({ length: layerCount }, (_, index) => ({ parallel: false, residualScale: 1, ...layer(index) })),
    output: outputOf(reader, norm, output),
    causal: causal ?? true,
    pooling: poolingOf(reader),
    rankHead: rankHeadOf(reader, causal ?? true),
  };
}

/** Which layers see a window only: as an array in the file says, else all but every `period`-th. */
export function windowedLayers(reader: ModelReader, period: number): (layer: number) => boolean {
  const listed = reader.booleans('attention.sliding_window_pattern');
  if (listed) return (layer) => listed[layer];
  const every = reader.optionalNumber('attention.sliding_window_pattern') ?? period;
  return (layer) => (layer + 1) % every !== 0;
}

function definedOnly<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}
