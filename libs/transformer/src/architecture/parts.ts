import type { TensorInfo } from '@starling/gguf';
import type { ModelReader } from './model-reader.js';
import type { Activation } from '@starling/kernels/internal';
import type {
  AttentionSpec,
  BlockNorms,
  HeadNormSpec,
  NormSpec,
  OutputGateSpec,
  ProjectionSpec,
} from './block-spec.js';
import type { AltUpSpec, EmbeddingSpec, LayerSpec, ModelSpec, OutputSpec } from './model-spec.js';
import { poolingOf, poolMapsOf, rankHeadOf, type RankOptions } from './pooling.js';

/*
 * The parts that architectures are put together from: each reads one block from the file, by the names that GGUF gives its tensors.
 */

/** The norm in tensor `name`: of squares alone, or with mean; with a bias if the file has one. Some files name the weight without its usual ending. */
export function normOf(
  reader: ModelReader,
  kind: NormSpec['kind'],
  name: string,
  width: number,
  epsilon?: number,
): NormSpec {
  const weight = reader.has(name) ? name : `${name}.weight`;
  return {
    ...(epsilon === undefined ? weightlessNorm(reader, kind) : { kind, epsilon }),
    weight: reader.vector(weight, width),
    bias: reader.optionalVector(`${name}.bias`, width),
  };
}

/** A norm without a weight. Some files have one epsilon for norms of both kinds. */
export function weightlessNorm(reader: ModelReader, kind: NormSpec['kind']): NormSpec {
  const key = kind === 'rms' ? 'attention.layer_norm_rms_epsilon' : 'attention.layer_norm_epsilon';
  return {
    kind,
    epsilon:
      reader.optionalNumber(key) ??
      (kind === 'rms' ? reader.optionalNumber('attention.layer_norm_epsilon') : undefined) ??
      reader.number(key),
  };
}

/** The norm in a tensor, if the file has it. */
export function optionalNorm(
  reader: ModelReader,
  kind: NormSpec['kind'],
  name: string,
  width: number,
): NormSpec | undefined {
  return reader.has(`${name}.weight`) || reader.has(name) ? normOf(reader, kind, name, width) : undefined;
}

/** Excuses biases, by the names of their maps, that files of an architecture may have and the reference does not add. */
export function withoutBiases(reader: ModelReader, ...names: string[]): void {
  reader.excuseTensors(
    'the model has no such bias, and the reference does not add it',
    new RegExp(`^(blk\\.\\d+\\.)?(${names.join('|')})\\.bias$`),
  );
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
  const kvHeads = reader.hasKey('attention.head_count_kv') ? reader.count('attention.head_count_kv', layer) : heads;
  const plain = reader.count('embedding_length') / heads;
  const keyLength = reader.optionalCount('attention.key_length', layer) ?? plain;
  const valueLength = reader.optionalCount('attention.value_length', layer) ?? plain;
  if (heads % kvHeads !== 0)
    throw reader.invalid(
      `has ${heads} heads of queries for ${kvHeads} heads of keys in layer ${layer}, which do not divide`,
    );
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
  if (reader.has(`${block}.attn_qkv.weight`)) {
    // Some files have one matrix, and three biases.
    const bias = (name: string, rows: number): TensorInfo | undefined =>
      reader.optionalVector(`${block}.${name}.bias`, rows);
    const [qBias, kBias, vBias] = [bias('attn_q', q), bias('attn_k', k), bias('attn_v', v)];
    return {
      kind: 'fused',
      qkv: reader.linear(`${block}.attn_qkv`, q + k + v, width),
      biases: qBias && kBias && vBias ? { q: qBias, k: kBias, v: vBias } : undefined,
    };
  }
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
  const shape = {
    ...headShapeOf(reader, layer),
    ...definedOnly({
      heads: options.heads,
      kvHeads: options.kvHeads,
      keyLength: options.keyLength,
      valueLength: options.valueLength,
    }),
  };
  return {
    kind: 'attention',
    ...shape,
    projection: options.projection ?? projectionOf(reader, layer, shape),
    scale: 1 / Math.sqrt(shape.keyLength),
    output:
      options.output ??
      reader.linear(`blk.${layer}.attn_output`, reader.count('embedding_length'), shape.heads * shape.valueLength),
    ...definedOnly(options),
    norms: options.norms,
  };
}

/** The bound that files of some architectures have for queries, keys and values. */
export function clampOf(reader: ModelReader): Pick<AttentionOptions, 'clamp'> {
  return { clamp: reader.optionalNumber('attention.clamp_kqv') || undefined };
}

/** The norms of queries and keys named `attn_q_norm` and `attn_k_norm`: of heads (one weight for all, or one each) or of whole rows, as the tensor's shape says. */
export function queryKeyNorms(
  reader: ModelReader,
  kind: NormSpec['kind'],
  layer: number,
  shape: HeadShape,
  epsilon?: number,
): { queryNorm?: HeadNormSpec; keyNorm?: HeadNormSpec } {
  const read = (name: string, heads: number): HeadNormSpec | undefined => {
    const full = `blk.${layer}.${name}`;
    if (!reader.has(`${full}.weight`)) return undefined;
    const { shape: dimensions } = reader.vector(`${full}.weight`);
    const over = dimensions[0] === shape.keyLength ? 'head' : 'row';
    const length = over === 'head' && dimensions.length === 1 ? shape.keyLength : heads * shape.keyLength;
    return { ...normOf(reader, kind, full, length, epsilon), over };
  };
  return { queryNorm: read('attn_q_norm', shape.heads), keyNorm: read('attn_k_norm', shape.kvHeads) };
}

/** The embedding table, as it is; a file without one uses the output matrix. */
export function embeddingOf(reader: ModelReader, options: Partial<EmbeddingSpec> = {}): EmbeddingSpec {
  const name = !reader.has('token_embd.weight') && reader.has('output.weight') ? 'output' : 'token_embd';
  return { table: reader.table(`${name}.weight`, reader.count('embedding_length')), scale: 1, ...options };
}

/** `output_norm` (unless the options say that there is no norm) and `output`; a file without `output` uses the embedding table again. */
export function outputOf(reader: ModelReader, norm: NormSpec['kind'], options: Partial<OutputSpec> = {}): OutputSpec {
  const width = reader.count('embedding_length');
  const { table } = embeddingOf(reader);
  const name = reader.has('output.weight') ? 'output' : 'token_embd';
  return {
    norm: 'norm' in options ? options.norm : normOf(reader, norm, 'output_norm', width),
    head: reader.linear(name, table.rowCount, width),
    scale: 1,
    ...options,
  };
}

/** What differs between decoders. */
export interface DecoderOptions {
  readonly embedding?: Partial<EmbeddingSpec>;
  /** The kind of the final norm. */
  readonly norm: NormSpec['kind'];
  readonly output?: Partial<OutputSpec>;
  readonly causal?: boolean;
  readonly altUp?: AltUpSpec;
  /** What the head of a reranking model has beyond the usual one. */
  readonly rank?: RankOptions;
  layer(index: number): Pick<LayerSpec, 'mixer' | 'feedForward'> & Partial<LayerSpec>;
}

/** A model of layers between an embedding table and an output matrix. */
export function decoderOf(
  reader: ModelReader,
  { embedding, norm, output, causal, rank, altUp, layer }: DecoderOptions,
): ModelSpec {
  if (reader.part === 'nextn') return nextnOf(reader, { embedding, norm, output, layer });
  const table = embeddingOf(reader, embedding);
  const isCausal = causal ?? reader.boolean('attention.causal') ?? true;
  const layerCount = layerCountOf(reader);
  const layers = Array.from({ length: layerCount }, (_, index) => ({
    parallel: false,
    residualScale: 1,
    ...layer(index),
  }));
  // The windows of such models are of one side, which the kernels do not have for texts that are seen whole.
  if (
    causal === undefined &&
    !isCausal &&
    layers.some(({ mixer }) => mixer?.kind === 'attention' && mixer.window !== undefined)
  ) {
    throw reader.invalid(
      "has 'attention.causal' false and windows that look back only, which are not supported together",
    );
  }
  return {
    embeddingLength: reader.count('embedding_length'),
    vocabSize: table.table.rowCount,
    trainedContextLength: reader.count('context_length'),
    embedding: table,
    layers,
    altUp,
    output: outputOf(reader, norm, output),
    causal: isCausal,
    pooling: poolingOf(reader),
    rankHead: rankHeadOf(reader, isCausal, rank),
    poolMaps: poolMapsOf(reader),
  };
}

/** Layers of the model itself; those behind it predict further tokens. */
const layerCountOf = (reader: ModelReader): number =>
  reader.count('block_count') - (reader.optionalNumber('nextn_predict_layers') ?? 0);

/**
 * The first head behind the layers (DeepSeek-AI 2024, multi-token prediction): one more layer, that reads the next token beside the normalized
 * hidden state which predicted it, and what it gives predicts the token after that. It has the model's table and output where it has none of its own.
 */
function nextnOf(
  reader: ModelReader,
  { embedding, norm, output, layer }: Pick<DecoderOptions, 'embedding' | 'norm' | 'output' | 'layer'>,
): ModelSpec {
  const width = reader.count('embedding_length');
  const index = layerCountOf(reader);
  const own = `blk.${index}.nextn`;
  const hasTable = reader.has(`${own}.embed_tokens.weight`);
  const table = embeddingOf(reader, {
    ...embedding,
    ...(hasTable && { table: reader.table(`${own}.embed_tokens.weight`, width) }),
    joined: {
      norm: normOf(reader, norm, `${own}.enorm`, width),
      hiddenNorm: normOf(reader, norm, `${own}.hnorm`, width),
      projection: reader.linear(`${own}.eh_proj`, width, 2 * width),
    },
  });
  const { rowCount } = table.table;
  return {
    embeddingLength: width,
    vocabSize: rowCount,
    trainedContextLength: reader.count('context_length'),
    embedding: table,
    layers: [{ parallel: false, residualScale: 1, ...layer(index) }],
    output: outputOf(reader, norm, {
      ...output,
      ...(reader.has(`${own}.shared_head_norm.weight`) && {
        norm: normOf(reader, norm, `${own}.shared_head_norm`, width),
      }),
      ...(reader.has(`${own}.shared_head_head.weight`) && {
        head: reader.linear(`${own}.shared_head_head`, rowCount, width),
      }),
    }),
    causal: true,
  };
}

/** The gate on attention's results in `attn_gate`: one number for each head or each element, as the tensor's shape says. */
export function outputGateOf(
  reader: ModelReader,
  layer: number,
  { heads, valueLength }: Pick<HeadShape, 'heads' | 'valueLength'>,
  activation: Activation = 'sigmoid',
): OutputGateSpec {
  const name = `blk.${layer}.attn_gate`;
  const over = reader.vector(`${name}.weight`).rowCount === heads ? 'heads' : 'elements';
  return {
    linear: reader.linear(name, over === 'heads' ? heads : heads * valueLength, reader.count('embedding_length')),
    over,
    activation,
  };
}

/** The window that a file names, if it has one, and the layers that see no more than that. Without a period the file has to say which. */
export function windowsOf(
  reader: ModelReader,
  period?: number,
  globalFirst = false,
): (layer: number) => number | undefined {
  const window = reader.optionalCount('attention.sliding_window');
  if (window === undefined) return () => undefined;
  const isWindowed = windowedLayers(reader, period, globalFirst);
  return (layer) => (isWindowed(layer) ? window : undefined);
}

/** The window of a model whose tokens see as far to both sides: positions that are less than this away, of a file that names the width of both sides. */
export function symmetricWindowOf(reader: ModelReader): number | undefined {
  const width = reader.optionalCount('attention.sliding_window');
  return width === undefined ? undefined : Math.floor(width / 2) + 1;
}

/** Which layers see a window only: as an array in the file says, else all but every `period`-th (`globalFirst`: the first and every `period`-th after it). */
export function windowedLayers(reader: ModelReader, period?: number, globalFirst = false): (layer: number) => boolean {
  const listed = reader.booleans('attention.sliding_window_pattern');
  if (listed) {
    if (listed.length < reader.count('block_count'))
      throw reader.invalid(`lists ${listed.length} layers under 'attention.sliding_window_pattern'`);
    return (layer) => listed[layer];
  }
  // 0: no layer sees everything; 1: all do.
  const every =
    period === undefined
      ? reader.number('attention.sliding_window_pattern')
      : (reader.optionalNumber('attention.sliding_window_pattern') ?? period);
  return (layer) => every === 0 || (globalFirst ? layer : layer + 1) % every !== 0;
}

function definedOnly<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}
