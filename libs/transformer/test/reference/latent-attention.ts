import type { Block } from './reference-decoder.js';
import { attend, cut, dot, linear, multiply, rmsNorm, rotate, split, type Matrix, type Row } from './scalar-math.js';

export interface LatentLengths {
  readonly heads: number;
  readonly latent: number;
  readonly plain: number;
  readonly rotated: number;
}

export interface LatentOptions {
  /** How a part is rotated. Default: pairs. */
  readonly turn?: (part: Row, position: number) => Row;
  readonly scale?: number;
  readonly window?: number;
  readonly sinks?: Row;
  /** What is done to the part of keys that all heads share before it is rotated. */
  readonly shared?: (part: Row) => Row;
  /** Factors of the heads' results. */
  readonly gate?: (input: Row, results: Row) => Row;
}

/** Multi-head latent attention (DeepSeek-AI, 2024) as its paper defines it: keys and values of each head made from the latent row. */
export function latentAttention(
  block: Block,
  x: Matrix,
  { heads, latent, plain, rotated }: LatentLengths,
  {
    turn = (part, position) => rotate(part, position, 'pairs'),
    scale = 1 / Math.sqrt(plain + rotated),
    window,
    sinks,
    shared: before = (part) => part,
    gate,
  }: LatentOptions = {},
): Matrix {
  const isReduced = block.optionalVector('attn_q_a_norm.weight') !== undefined;
  const q = x.map((row, position) => {
    const all = isReduced
      ? block.apply('attn_q_b', rmsNorm(block.apply('attn_q_a', row), block.vector('attn_q_a_norm.weight')))
      : block.apply('attn_q', row);
    return split(all, heads).map((part) => [...part.slice(0, plain), ...turn(part.slice(plain), position)]);
  });
  const rows = x.map((row) => cut(block.apply('attn_kv_a_mqa', row), latent, rotated));
  const expand = expansionOf(block, heads, plain);
  const pairs = rows.map(([short, shared], position) =>
    expand(rmsNorm(short, block.vector('attn_kv_a_norm.weight'))).map(({ key, value }) => ({
      key: [...key, ...turn(before(shared), position)],
      value,
    })),
  );
  const [k, v] = [pairs.map((row) => row.map(({ key }) => key)), pairs.map((row) => row.map(({ value }) => value))];
  return attend(q, k, v, { scale, window, sinks }).map((row, t) =>
    block.apply('attn_output', gate ? multiply(row, gate(x[t], row)) : row),
  );
}

function expansionOf(block: Block, heads: number, plain: number): (latent: Row) => { key: Row; value: Row }[] {
  if (block.optionalVector('attn_kv_b.weight')) {
    return (latent) =>
      split(block.apply('attn_kv_b', latent), heads).map((part) => ({
        key: part.slice(0, plain),
        value: part.slice(plain),
      }));
  }
  const [keys, values] = [block.matrices('attn_k_b.weight'), block.matrices('attn_v_b.weight')];
  // The file has the transpose of the keys' matrices: a row for each element of the latent row.
  return (latent) =>
    keys.map((matrix, h) => ({
      key: Array.from({ length: plain }, (_, i) =>
        dot(
          matrix.map((row) => row[i]),
          latent,
        ),
      ),
      value: linear(values[h], latent),
    }));
}
