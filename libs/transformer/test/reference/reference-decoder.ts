import { SHAPE } from './decoder.js';
import type { RandomModel } from './random-model.js';
import {
  add,
  linear,
  multiply,
  rotate,
  silu,
  sigmoid,
  scale,
  softmax,
  split,
  sum,
  topIndices,
  type Matrix,
  type Row,
} from './scalar-math.js';

/** The tensors of one block, by their names within it. */
export interface Block {
  readonly index: number;
  vector(name: string): Row;
  optionalVector(name: string): Row | undefined;
  matrix(name: string): Matrix;
  matrices(name: string): Matrix[];
  /** `name.weight` x + `name.bias`, which may be missing. */
  apply(name: string, x: Row): Row;
}

export function blockOf(model: RandomModel, index: number): Block {
  const full = (name: string): string => `blk.${index}.${name}`;
  return {
    index,
    vector: (name) => model.vector(full(name)),
    optionalVector: (name) => model.optionalVector(full(name)),
    matrix: (name) => model.matrix(full(name)),
    matrices: (name) => model.matrices(full(name)),
    apply: (name, x) => linear(model.matrix(full(`${name}.weight`)), x, model.optionalVector(full(`${name}.bias`))),
  };
}

export interface ReferenceDecoder {
  /** What is done to a token's vector at its position. */
  readonly embed?: (row: Row, position: number) => Row;
  /** One layer: the residual stream of all tokens in and out. */
  readonly layer: (block: Block, x: Matrix, index: number) => Matrix;
  /** The block whose tensors a layer uses. Default: its own. */
  readonly blockOf?: (layer: number) => number;
  /** The final norm. */
  readonly finish: (row: Row) => Row;
  /** What is done to logits. */
  readonly logits?: (row: Row) => Row;
  /** The tensor that makes logits. Default: the output matrix. */
  readonly head?: string;
  readonly layers?: number;
}

/** Embedding, blocks, norm, logits: all positions. */
export function runDecoder(
  model: RandomModel,
  tokens: readonly number[],
  {
    embed,
    layer,
    blockOf: block = (index) => index,
    finish,
    logits = (row) => row,
    head = 'output',
    layers = SHAPE.layers,
  }: ReferenceDecoder,
): Matrix {
  const table = model.matrix('token_embd.weight');
  let x = tokens.map((token, position) => (embed ? embed(table[token], position) : table[token]));
  for (let index = 0; index < layers; index++) x = layer(blockOf(model, block(index)), x, index);
  return x.map((row) =>
    logits(linear(model.matrix(`${head}.weight`), finish(row), model.optionalVector(`${head}.bias`))),
  );
}

/** Queries, keys and values by token and head, from three projections. */
export function separateHeads(
  block: Block,
  x: Matrix,
  heads: number = SHAPE.heads,
  kvHeads: number = SHAPE.kvHeads,
): { q: Matrix[]; k: Matrix[]; v: Matrix[] } {
  const of = (name: string, count: number): Matrix[] => x.map((row) => split(block.apply(name, row), count));
  return { q: of('attn_q', heads), k: of('attn_k', kvHeads), v: of('attn_v', kvHeads) };
}

/** The same from one projection, with as many heads of each. */
export function fusedHeads(
  block: Block,
  x: Matrix,
  heads: number = SHAPE.heads,
): { q: Matrix[]; k: Matrix[]; v: Matrix[] } {
  const rows = x.map((row) => split(block.apply('attn_qkv', row), 3));
  const of = (part: number): Matrix[] => rows.map((parts) => split(parts[part], heads));
  return { q: of(0), k: of(1), v: of(2) };
}

/** Heads rotated by their positions. */
export const rotated = (rows: Matrix[], style: 'pairs' | 'halves', dimensions?: number, base?: number): Matrix[] =>
  rows.map((parts, position) => parts.map((part) => rotate(part, position, style, dimensions, base)));

/** Two matrices of rows, added. */
export const plus = (a: Matrix, b: Matrix): Matrix => a.map((row, i) => add(row, b[i]));

/** down(activation(gate x) * up x). */
export const gated = (block: Block, x: Row, activation: (value: number) => number = silu, suffix = ''): Row =>
  block.apply(
    `ffn_down${suffix}`,
    multiply(block.apply(`ffn_gate${suffix}`, x).map(activation), block.apply(`ffn_up${suffix}`, x)),
  );

/** down(activation(up x)). */
export const plain = (block: Block, x: Row, activation: (value: number) => number): Row =>
  block.apply('ffn_down', block.apply('ffn_up', x).map(activation));

export interface MixtureOptions {
  readonly used: number;
  readonly gating?: 'softmax' | 'sigmoid';
  readonly normalize?: boolean;
  readonly weightScale?: number;
  /** Experts that may be chosen, by their scores. Default: all. */
  readonly allowed?: (scores: Row) => readonly number[];
  /** What the router reads. Default: what experts read. */
  readonly routedBy?: Row;
  /** The weight multiplies what an expert reads. */
  readonly weighsInput?: boolean;
  /** What an expert makes of the token. Default: a block with a gate. */
  readonly expert?: (index: number, x: Row) => Row;
}

/** A mixture of gated experts (Shazeer et al., 2017): the best by the router's scores, weighted by them. */
export function mixture(
  block: Block,
  x: Row,
  {
    used,
    gating = 'softmax',
    normalize = false,
    weightScale = 1,
    allowed,
    routedBy = x,
    weighsInput = false,
    expert = gatedExpert(block),
  }: MixtureOptions,
): Row {
  const logits = block.apply('ffn_gate_inp', routedBy);
  const scores = gating === 'softmax' ? softmax(logits) : logits.map(sigmoid);
  const bias = block.optionalVector('exp_probs_b.bias');
  const ranks = scores.map((score, i) => score + (bias?.[i] ?? 0));
  const open = allowed?.(ranks);
  const chosen = topIndices(open ? ranks.map((rank, i) => (open.includes(i) ? rank : -Infinity)) : ranks, used);
  const total = normalize ? chosen.reduce((all, i) => all + scores[i], 0) : 1;
  const weights = chosen.map((i) => (weightScale * scores[i]) / total);
  return sum(chosen.map((i, n) => (weighsInput ? expert(i, scale(x, weights[n])) : scale(expert(i, x), weights[n]))));
}

/** An expert with a gate. */
export const gatedExpert =
  (block: Block, activation = silu, suffix = '_exps') =>
  (i: number, x: Row): Row => {
    const [gate, up, down] = ['ffn_gate', 'ffn_up', 'ffn_down'].map(
      (name) => block.matrices(`${name}${suffix}.weight`)[i],
    );
    return linear(down, multiply(linear(gate, x).map(activation), linear(up, x)));
  };
