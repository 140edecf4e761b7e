import type { GgufValue } from '@starling/gguf';
import { BIASED_PLAIN, ENDS, GATED, LAYER_NORM, METADATA, OUTPUT, QKV, RMS, SHAPE, biased, blocks } from './decoder.js';
import { expectAgreement, expectAgreementOfWhole } from './expect-agreement.js';
import { randomModel, type RandomModel, type TensorShapes } from './random-model.js';
import { gated, plain, plus, rotated, runDecoder, separateHeads, type Block } from './reference-decoder.js';
import {
  add,
  alibiSlope,
  attend,
  cut,
  gelu,
  layerNorm,
  multiply,
  rmsNorm,
  silu,
  split,
  squaredRelu,
  type AttendOptions,
  type Matrix,
  type Row,
} from './scalar-math.js';

const { width, ffn, head, heads, kvHeads, layers } = SHAPE;
const norm = (name: string) => ({ [`${name}.weight`]: width });
const normWithBias = (name: string) => ({ ...norm(name), [`${name}.bias`]: width });
const NORMS = { ...norm('attn_norm'), ...norm('ffn_norm') };
const NORMS_WITH_BIASES = { ...normWithBias('attn_norm'), ...normWithBias('ffn_norm') };
const HEAD_NORMS = { 'attn_q_norm.weight': head, 'attn_k_norm.weight': head };
const FUSED: TensorShapes = {
  'attn_qkv.weight': [width, (heads + 2 * kvHeads) * head],
  'attn_output.weight': [heads * head, width],
};
const BIASED_QKV: TensorShapes = { ...biased(QKV), 'attn_output.bias': width };

interface Heads {
  readonly q: Matrix[];
  readonly k: Matrix[];
  readonly v: Matrix[];
}

/** One family: its file, and what it does where that is not as in Llama. */
interface Family {
  readonly metadata?: Readonly<Record<string, GgufValue>>;
  readonly block: TensorShapes;
  readonly ends?: TensorShapes;
  readonly depth?: number;
  readonly norm?: (row: Row, weight: Row | undefined, bias: Row | undefined) => Row;
  readonly feedForwardNorm?: string;
  readonly embed?: (model: RandomModel, row: Row, position: number) => Row;
  readonly heads?: (block: Block, x: Matrix) => Heads;
  /** What is done to heads of queries or keys. Default: they are rotated, as halves. */
  readonly turn?: (block: Block, rows: Matrix[], name: 'attn_q_norm.weight' | 'attn_k_norm.weight') => Matrix[];
  readonly attention?: AttendOptions;
  readonly inner?: (block: Block, row: Row) => Row;
  readonly parallel?: boolean;
}

const pairs = (_: Block, rows: Matrix[]): Matrix[] => rotated(rows, 'pairs');
const unturned = (_: Block, rows: Matrix[]): Matrix[] => rows;
const normed = (block: Block, rows: Matrix[], name: string): Matrix[] =>
  rows.map((parts) => parts.map((part) => rmsNorm(part, block.vector(name))));

/** Queries of all heads, then keys, then values, in one row. */
function fusedHeads(block: Block, x: Matrix): Heads {
  const rows = x.map((row) => cut(block.apply('attn_qkv', row), heads * head, kvHeads * head, kvHeads * head));
  const of = (part: number, count: number): Matrix[] => rows.map((parts) => split(parts[part], count));
  return { q: of(0, heads), k: of(1, kvHeads), v: of(2, kvHeads) };
}

const clamped = ({ q, k, v }: Heads, limit: number): Heads => {
  const clamp = (rows: Matrix[]): Matrix[] =>
    rows.map((parts) => parts.map((row) => row.map((value) => Math.max(-limit, Math.min(limit, value)))));
  return { q: clamp(q), k: clamp(k), v: clamp(v) };
};

const fusedGate = (block: Block, row: Row): Row => {
  const [gate, up] = split(block.apply('ffn_up', row), 2);
  return block.apply('ffn_down', multiply(gate.map(silu), up));
};

const withLayerNorm = {
  metadata: LAYER_NORM,
  norm: (row: Row, weight: Row | undefined, bias: Row | undefined) => layerNorm(row, weight ?? row.map(() => 1), bias),
};
const positioned = {
  ends: { 'position_embd.weight': [width, 64] } as TensorShapes,
  embed: (model: RandomModel, row: Row, position: number) => add(row, model.matrix('position_embd.weight')[position]),
};
const asLlama = { block: { ...NORMS, ...QKV, ...GATED } };

const families: Readonly<Record<string, Family>> = {
  baichuan: { ...asLlama, depth: 32, turn: pairs },
  chatglm: {
    metadata: { 'rope.dimension_count': 4 },
    block: {
      ...NORMS,
      ...QKV,
      'attn_q.bias': width,
      'ffn_up.weight': [width, 2 * ffn],
      'ffn_down.weight': [ffn, width],
    },
    turn: (_, rows) => rotated(rows, 'pairs', 4),
    inner: fusedGate,
  },
  codeshell: {
    ...withLayerNorm,
    block: { ...NORMS_WITH_BIASES, ...BIASED_QKV, ...BIASED_PLAIN },
    inner: (block, row) => plain(block, row, gelu),
  },
  dream: { ...asLlama, attention: { causal: false } },
  ernie4_5: { ...asLlama, turn: pairs },
  exaone: asLlama,
  jais: {
    ...withLayerNorm,
    metadata: { ...LAYER_NORM, 'attention.max_alibi_bias': 8 },
    block: { ...NORMS_WITH_BIASES, ...biased(FUSED), ...biased(GATED) },
    heads: fusedHeads,
    turn: unturned,
    attention: { scale: 1 / head, slope: alibiSlope(heads, 8) },
  },
  jais2: {
    ...withLayerNorm,
    block: { ...NORMS_WITH_BIASES, ...BIASED_QKV, ...BIASED_PLAIN },
    inner: (block, row) => plain(block, row, squaredRelu),
  },
  llada: { ...asLlama, turn: pairs, attention: { causal: false } },
  maincoder: {
    block: { ...NORMS, ...QKV, ...HEAD_NORMS, ...GATED },
    turn: (block, rows, name) => normed(block, rotated(rows, 'pairs'), name),
  },
  olmo: {
    ...withLayerNorm,
    metadata: { ...LAYER_NORM, 'attention.clamp_kqv': 0.75 },
    block: { ...QKV, ...GATED },
    heads: (block, x) => clamped(separateHeads(block, x), 0.75),
    turn: pairs,
  },
  openelm: {
    block: { ...NORMS, ...FUSED, ...HEAD_NORMS, ...GATED },
    heads: fusedHeads,
    turn: (block, rows, name) => rotated(normed(block, rows, name), 'halves'),
  },
  orion: { ...withLayerNorm, block: { ...NORMS_WITH_BIASES, ...QKV, ...GATED } },
  paddleocr: { ...asLlama, metadata: { 'rope.dimension_sections': Int32Array.of(2, 1, 1, 0) } },
  'pangu-embedded': { block: { ...NORMS, ...BIASED_QKV, ...GATED } },
  plamo: { block: { ...norm('attn_norm'), ...QKV, ...GATED }, parallel: true },
  qwen: {
    metadata: { feed_forward_length: 2 * ffn },
    block: { ...NORMS, ...biased(FUSED), ...GATED },
    heads: fusedHeads,
  },
  qwen2vl: {
    block: {
      ...NORMS,
      ...QKV,
      'attn_q.bias': width,
      'attn_k.bias': kvHeads * head,
      'attn_v.bias': kvHeads * head,
      ...GATED,
    },
    metadata: { 'rope.dimension_sections': Int32Array.of(2, 1, 1, 0) },
  },
  qwen3vl: {
    block: { ...NORMS, ...QKV, ...HEAD_NORMS, ...GATED },
    turn: (block, rows, name) => rotated(normed(block, rows, name), 'halves'),
  },
  refact: { ...asLlama, turn: unturned, attention: { slope: alibiSlope(heads, 8) } },
  seed_oss: {
    block: { ...norm('attn_norm'), ...norm('post_attention_norm'), ...QKV, ...GATED },
    feedForwardNorm: 'post_attention_norm',
  },
  starcoder: {
    ...withLayerNorm,
    ...positioned,
    block: { ...NORMS_WITH_BIASES, ...biased(FUSED), ...BIASED_PLAIN },
    heads: fusedHeads,
    turn: unturned,
    inner: (block, row) => plain(block, row, gelu),
  },
  xverse: { ...asLlama, turn: pairs },
};

function reference(model: RandomModel, tokens: readonly number[], family: Family): Matrix {
  const {
    norm: normalize = rmsNormOf,
    feedForwardNorm = 'ffn_norm',
    embed,
    heads: headsOf = separateHeads,
    turn = (_, rows) => rotated(rows, 'halves'),
    attention,
    inner = gated,
    parallel = false,
  } = family;
  return runDecoder(model, tokens, {
    layers: family.depth,
    embed: embed && ((row, position) => embed(model, row, position)),
    layer: (block, x) => {
      const normal = (row: Row, name: string): Row =>
        normalize(row, block.optionalVector(`${name}.weight`), block.optionalVector(`${name}.bias`));
      const inputs = x.map((row) => normal(row, 'attn_norm'));
      const { q, k, v } = headsOf(block, inputs);
      const mixed = attend(
        turn(block, q, 'attn_q_norm.weight'),
        turn(block, k, 'attn_k_norm.weight'),
        v,
        attention,
      ).map((row) => block.apply('attn_output', row));
      const y = plus(x, mixed);
      return y.map((row, i) => add(row, inner(block, parallel ? inputs[i] : normal(row, feedForwardNorm))));
    },
    finish: (row) =>
      normalize(row, model.optionalVector('output_norm.weight'), model.optionalVector('output_norm.bias')),
  });
}

function rmsNormOf(row: Row, weight: Row | undefined): Row {
  return rmsNorm(row, weight);
}

describe('decoders of attention and a feed-forward block agree with a scalar evaluation', () => {
  it.each(Object.entries(families))('%s', async (name, family) => {
    const { metadata, block, ends = {}, depth = layers, norm: ownNorm } = family;
    const final: TensorShapes =
      name === 'olmo'
        ? { 'token_embd.weight': ENDS['token_embd.weight'] }
        : { ...ENDS, ...(ownNorm && { 'output_norm.bias': width }) };
    const model = await randomModel(
      name,
      { ...METADATA, ...RMS, block_count: depth, ...metadata },
      { ...final, ...OUTPUT, ...ends, ...blocks(block, depth) },
    );
    const expectIt = family.attention?.causal === false ? expectAgreementOfWhole : expectAgreement;
    await expectIt(model, (tokens) => reference(model, tokens, family));
  });
});
